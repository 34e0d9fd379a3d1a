"""What a pipeline's component is for."""

# Tested in tests/engine/test_standin.py.

from __future__ import annotations

import torch
from diffusers import ModelMixin

from safelight.contract.stages import DECODE, PROMPT, STEPS


def stage_of(name: str, component: object) -> str | None:
    """What a component is for, by its name's last word or what it can do; None for one that is left as it is."""
    if not isinstance(component, torch.nn.Module):
        return None
    if "encoder" in name:
        return PROMPT
    if callable(getattr(type(component), "decode", None)):
        return DECODE
    return STEPS if isinstance(component, ModelMixin) else None
