"""What a pipeline's component is for."""

# Tested in tests/engine/test_standin.py.

from __future__ import annotations

import torch
from diffusers import ModelMixin


def stage_of(name: str, component: object) -> str | None:
    """What a component is for, by its name's last word or what it can do; None for one that is left as it is."""
    if not isinstance(component, torch.nn.Module):
        return None
    if "encoder" in name:
        return "encode_prompt"
    if callable(getattr(type(component), "decode", None)):
        return "decode"
    return "denoise" if isinstance(component, ModelMixin) else None
