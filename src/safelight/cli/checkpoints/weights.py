"""Whether a checkpoint's files are there and whole, without loading them (and without torch)."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from safelight.contract.checkpoints.checkpoint_files import INDEX, PICKLED, index_in

# The format's own limit on its header (https://github.com/huggingface/safetensors#format).
_MAX_HEADER_BYTES = 100_000_000


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a model's files, and what to do."""

    what: str
    mend: str


def fault_in(folder: Path) -> Fault | None:
    """What is wrong with a checkpoint's folder; None where nothing is."""
    mend = "Get the checkpoint again, in diffusers' layout, as safetensors."
    if not folder.is_dir():
        return Fault("there is no such folder.", mend)
    if not index_in(folder).is_file():
        return Fault(f"it has no {INDEX}, so it is no checkpoint in diffusers' layout.", mend)
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        pickles = [path for suffix in PICKLED for path in folder.rglob(f"*{suffix}")]
        if pickles:
            how = "Load it once with diffusers where you trust it, and `save_pretrained(..., safe_serialization=True)`."
            return Fault("its weights are pickles, which can run code when they are loaded.", how)
        return Fault("it holds no weights.", mend)
    for path in weights:
        fault = safetensors_fault(path)
        if fault is not None:
            return Fault(f"{path.relative_to(folder)} {fault}.", mend)
    return None


def safetensors_fault(path: Path) -> str | None:
    """What the header of a safetensors file tells of damage: 8 bytes of length, JSON, then exactly the tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_MAX_HEADER_BYTES, size - 8):
            return "is no safetensors file, or cut off in its header"
        try:
            header = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "has a damaged header"
    expected = 8 + length + max(ends, default=0)
    return None if size == expected else f"has {size} bytes where {expected} belong"
