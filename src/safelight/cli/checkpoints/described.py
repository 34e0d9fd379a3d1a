"""What was found out of a checkpoint, kept: looking takes seconds, nearly all of them to import torch and diffusers.

Traits are asked of a pipeline's class and constructor, which only diffusers knows; so a first look needs them. It is
kept in the state folder under everything that it depends on: the spec, names, sizes and times of the checkpoint's
files, what is installed, and the GPUs that are here.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

import safelight
from safelight.adapters.home.atomic_file import write_whole
from safelight.adapters.home.pins import pinned_commit
from safelight.adapters.preflight import BUNDLED, gpu_count
from safelight.contract.checkpoints.checkpoint_files import index_in
from safelight.contract.checkpoints.hub import HubName, cache_folder
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError
from safelight.protocol.messages import ModelSpec

_FOLDER = "described"
_MOST_KEPT = 64
_MOST_FILES = 10_000
_PACKAGE = Path(safelight.__file__).parent


def described(home: Path, spec: ModelSpec, look: Callable[[ModelSpec], dict[str, Any]]) -> dict[str, Any]:
    """What `look` says of a model, or said before of the same files on the same machine.

    Raises:
        SafelightError: as `look` does. What went wrong is not kept.
    """
    key = _key(home, spec)
    kept = home / _FOLDER / f"{key}.json"
    if key is not None:
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(kept.read_bytes())
            return found
    found = look(spec)
    if key is not None and home.is_dir():
        with suppress(OSError):  # a courtesy
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(kept, json.dumps(found).encode(), mode=0o600)
            _trim(kept.parent)
    return found


def _key(home: Path, spec: ModelSpec) -> str | None:
    """A digest of all that a description depends on; None where that cannot be told."""
    gpus = gpu_count()
    if gpus is None:
        return None
    digest = hashlib.sha256(msgspec.json.encode((safelight.__version__, gpus, spec)))
    try:
        told = ((str(path), path.stat()) for path in _depends_on(home, spec))
        for path, stat in sorted((path, (stat.st_size, stat.st_mtime_ns)) for path, stat in told):
            digest.update(f"{path}\0{stat}\0".encode("utf-8", "surrogateescape"))
    except (OSError, ConfigurationError):  # the look says what is wrong
        return None
    return digest.hexdigest()


def _depends_on(home: Path, spec: ModelSpec) -> Iterator[Path]:
    """The files of the checkpoint and of the code that reads it, and the folders in which packages are installed."""
    loras = (*(lora.file for lora in spec.options.loras), *(lora.file for lora in spec.loras))
    named = (spec.source, spec.options.config, spec.options.transformer, *loras)
    for source in filter(None, named):
        place = _place(source, spec.commit if source == spec.source else pinned_commit(home, source))
        yield place
        if place.is_dir():
            yield index_in(place)  # a folder without is no checkpoint, and may be the whole disk
            yield from islice(place.rglob("*"), _MOST_FILES)
    for source in spec.options.controlnets.values():
        place = _place(source, None)
        yield place / "config.json"  # as above
        yield from islice(place.rglob("*"), _MOST_FILES)
    yield from (_PACKAGE / "engine").rglob("*.py")
    yield from {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}


def _place(source: str, commit: str | None) -> Path:
    if source == BUNDLED:
        return _PACKAGE / "postcard" / "weights"
    name = HubName.read(source)
    snapshot = None if name is None else name.snapshot(cache_folder(), commit)
    return (snapshot or expanded(source, "Set `source`")).absolute()


def _trim(folder: Path) -> None:
    """The newest stay."""
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in kept[_MOST_KEPT:]:
        path.unlink(missing_ok=True)
