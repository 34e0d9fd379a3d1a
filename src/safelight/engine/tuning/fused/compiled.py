"""Where kernels of our own run: on a GPU that Triton compiles for, or in its interpreter, which a variable of the
environment chooses and which takes a processor's tensors. Nothing else imports Triton.
"""

# Tested in tests/engine/test_kernels.py.

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch

FORMATS = (torch.float32, torch.bfloat16, torch.float16)


def kernels_for(*tensors: torch.Tensor) -> tuple[Any, Any]:
    """The modules `kernels` and `norm_kernels`, for tensors of one number format on one GPU.

    Raises:
        NotImplementedError: they are elsewhere, or of several formats; nothing is imported then.
        ImportError: Triton is not installed.
    """
    first = tensors[0]
    if first.device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        raise NotImplementedError("no GPU")
    if first.dtype not in FORMATS:
        raise NotImplementedError(f"numbers of {first.dtype}")
    if any(each.dtype is not first.dtype or each.device != first.device for each in tensors):
        raise NotImplementedError("several number formats or devices")
    have_a_place()
    from safelight.engine.tuning.fused import kernels, norm_kernels

    return kernels, norm_kernels


def have_a_place() -> None:
    """Let Triton keep what it compiles where it always does, and where the home folder cannot be written, in a folder
    of this process's own: one of a known name below /tmp could be somebody else's.
    """
    if os.environ.keys() & {"TRITON_CACHE_DIR", "TRITON_HOME"} or os.access(Path("~").expanduser(), os.W_OK):
        return
    os.environ["TRITON_CACHE_DIR"] = tempfile.mkdtemp(prefix="safelight-triton-")
