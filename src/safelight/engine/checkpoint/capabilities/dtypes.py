"""Which number format a model computes in when nobody says."""

# Tested in tests/engine/test_loading.py.

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from diffusers import AmusedScheduler, DDPMScheduler

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.machine.device import default_dtype
from safelight.engine.tuning.packing import can_pack
from safelight.protocol.messages import ModelSpec

PACKED: Literal["float32-packed"] = "float32-packed"


def dtype_of(spec: ModelSpec, device: str, checkpoint: Checkpoint) -> str:
    """The number format that a model is loaded in on a device: as the operator says, or else the device's own."""
    if spec.dtype != "auto":
        return spec.dtype
    if spec.source == BUNDLED:
        return _bundled(spec, device)
    if device == "cpu" and _magnifies(checkpoint):
        return "float32"
    return default_dtype(device)


def _bundled(spec: ModelSpec, device: str) -> str:
    """The bundled model is small: bfloat16 would save it little, and float32 draws the same on more machines.

    Packed, its steps take 0.79 of the time on an AMD EPYC (107 ms of a core for eight, then 84). What it expects is
    rounded before it is drawn: 21 of 21 pictures were the same bytes either way.
    """
    options = spec.options
    other = options.compile or options.runtime != "pytorch" or options.loras or spec.loras
    plain = device != "cpu" or not can_pack(torch.float32) or other
    return "float32" if plain else PACKED


def numbers_of(dtype: str) -> torch.dtype:
    """What a format's weights are made of, however they lie."""
    found: torch.dtype = getattr(torch, "float32" if dtype == PACKED else dtype)
    return found


def check_dtype(dtype: str, device: str, *, compiled: bool) -> None:
    """Refuse a format that cannot be had here before anything is loaded.

    Raises:
        ModelLoadError: saying what there is instead.
    """
    if dtype != PACKED:
        return
    if device != "cpu" or not can_pack(torch.float32):
        raise ModelLoadError(f'dtype = "{PACKED}" lays weights out for oneDNN on a processor. Here take "float32".')
    if compiled:
        raise ModelLoadError(f'dtype = "{PACKED}" and `compile` exclude each other: a compiler reads plain weights.')


def _magnifies(checkpoint: Checkpoint) -> bool:
    """Whether its scheduler makes what bfloat16 rounds be seen, 20 to 27 dB from float32 (`benchmarks/precision.py`).

    DDPM's first steps divide noise that was predicted by almost nothing; aMUSEd's choose the surest tokens.
    """
    for name, kind in checkpoint.components.items():
        if issubclass(kind, AmusedScheduler):
            return True
        if issubclass(kind, DDPMScheduler) and _predicts(checkpoint.folder / name) == "epsilon":
            return True
    return False


def _predicts(folder: Path) -> str:
    try:
        return str(read_json(folder / "scheduler_config.json").get("prediction_type", "epsilon"))
    except (OSError, ValueError, AttributeError):  # said when it is loaded
        return ""
