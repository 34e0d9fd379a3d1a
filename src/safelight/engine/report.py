"""What `safelight doctor` says about drawing on this machine: devices, packages, the bundled weights, what is wrong.

`python -P -m safelight.engine.report --json` prints it, for commands that must not import torch themselves.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec

from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.files.location import BUNDLED, location_of
from safelight.engine.checkpoint.spared_imports import needed, spared
from safelight.engine.machine.device import (
    accelerators,
    choose_device,
    cpu_bfloat16,
    default_dtype,
    has_bfloat16,
    processor_name,
    usable_cores,
    usable_memory,
    versions,
)
from safelight.protocol.messages import ModelSpec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that makes drawing slower or impossible, and how to mend it."""

    what: str
    mend: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What there is. `threads` is what this process may use: affinity and cgroup quota, not what is installed.

    `device` is what `"auto"` takes and `dtype` what it computes in there; `dtypes` says for each number format whether
    that device has it in hardware.
    """

    device: str
    name: str
    dtype: str
    dtypes: dict[str, Literal["native", "emulated"]]
    threads: int
    cores_installed: int
    memory_bytes: int | None
    features: tuple[str, ...]
    accelerators: tuple[str, ...]
    versions: dict[str, str]
    weights: dict[str, str]
    problems: tuple[Problem, ...]


def machine() -> Machine:
    """All there is to know, for `doctor`."""
    import torch

    device = choose_device("auto")
    found = versions()
    native = {"float32", *(("bfloat16",) if has_bfloat16(device) else ()), *(("float16",) if device != "cpu" else ())}
    weights = _bundled_weights()
    return Machine(
        device=device,
        name=torch.cuda.get_device_name(device) if device.startswith("cuda") else processor_name(),
        dtype=default_dtype(device),
        dtypes={name: "native" if name in native else "emulated" for name in ("float32", "bfloat16", "float16")},
        threads=usable_cores(),
        cores_installed=os.cpu_count() or 1,
        memory_bytes=usable_memory(),
        features=(torch.backends.cpu.get_cpu_capability(), *cpu_bfloat16()),
        accelerators=tuple(accelerators()),
        versions=found,
        weights={"postcard": weights},
        problems=tuple(_problems(found, weights)),
    )


def _problems(found: dict[str, str], weights: str) -> Iterator[Problem]:
    if found["isal"] == "missing":
        yield Problem(what="isal is missing: writing a PNG takes eight times as long.", mend="pip install isal")
    if weights != "ok":
        yield Problem(what=f"The bundled model cannot draw: {weights}", mend="Install Safelight again.")


def _bundled_weights() -> str:
    """`"ok"`, or what is wrong with the weights in the package."""
    try:
        with spared(needed((ModelSpec(source=BUNDLED),))):  # as in a worker that draws with it
            from safelight.engine.checkpoint.files.folder import Checkpoint

            Checkpoint.read(location_of(BUNDLED))
    except ModelLoadError as error:
        return str(error)
    return "ok"


def main() -> None:
    """Print the machine as JSON."""
    gc.disable()  # this process ends soon; to look through what is imported takes a fourth of its time
    parser = argparse.ArgumentParser(prog="python -P -m safelight.engine.report", description=main.__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of indented text")
    text = msgspec.json.encode(machine())
    if not parser.parse_args().json:
        text = msgspec.json.format(text, indent=2)
    sys.stdout.write(text.decode() + "\n")


if __name__ == "__main__":
    main()
