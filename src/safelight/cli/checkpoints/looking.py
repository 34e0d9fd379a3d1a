"""A look at a checkpoint in a process of its own: the engine's, which imports torch and may hang on what it reads."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from safelight.adapters.preflight import BUNDLED, missing_path
from safelight.adapters.processes.children import child_environment, python_module
from safelight.cli.terminal import note
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import SafelightError
from safelight.protocol.messages import ModelSpec

# A look takes 4 to 15 s, nearly all of it importing torch and diffusers, here at a fifth of a core.
LOOK_SECONDS = 180
_EXIT_REFUSED = 4  # safelight.engine.describe: the sentence on standard error is for people


def look_at(spec: ModelSpec, seconds: float = LOOK_SECONDS) -> dict[str, Any]:
    """What `safelight.engine.describe` says of a model, as JSON. A person is told that it takes a while.

    Raises:
        SafelightError: it cannot be served, and why; or looking at it took longer than `seconds`.
    """
    if HubName.read(spec.source) is None and spec.source != BUNDLED and not _path(spec).exists():
        raise SafelightError(missing_path(_path(spec)))
    note(f"Reading {spec.source}. PyTorch is started for it, which can take a minute ...")
    try:
        ran = subprocess.run(
            python_module("safelight.engine.describe"),
            input=msgspec.json.encode(spec),
            capture_output=True,
            env=child_environment(),
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise SafelightError(
            f"Looking at the checkpoint did not end within {seconds:g} s, and was given up. Its files may be damaged, "
            "or the disk that they are on does not answer."
        ) from None
    said = ran.stderr.decode(errors="replace").strip()
    if ran.returncode == _EXIT_REFUSED:
        raise SafelightError(said.splitlines()[-1])
    if ran.returncode != 0:
        raise SafelightError(f"The checkpoint could not be looked at: {said[-500:]}")
    found: dict[str, Any] = msgspec.json.decode(ran.stdout)
    return found


def _path(spec: ModelSpec) -> Path:
    return expanded(spec.source, "Set `source`")
