"""What a pipeline's component is for."""

# Tested in tests/engine/test_standin.py.

from __future__ import annotations

import torch
from diffusers import ModelMixin

from safelight.contract.models.stages import DECODE, PICTURE, PROMPT, STEPS

_OF_PROMPTS = ("encoder", "conditioner", "prompt")
# What encodes pixels, of a part that decodes them too.
_ENCODING = ("encode", "get_image_features")


def stage_of(name: str, component: object) -> str | None:
    """What a component is for, by its name's last word or what it can do; None for one that is left as it is."""
    if not isinstance(component, torch.nn.Module):
        return None
    reads_pixels = getattr(component, "main_input_name", None) == "pixel_values"
    if "image_encoder" in name or (reads_pixels and "encoder" not in name):
        return PICTURE
    if any(word in name for word in _OF_PROMPTS):
        return PROMPT
    if callable(getattr(type(component), "decode", None)):
        return DECODE
    return STEPS if isinstance(component, ModelMixin) else None


def stage_of_call(stage: str, method: str) -> str:
    """What a call is for, of a component that is for `stage`: a decoder's other half encodes."""
    return PICTURE if method == "get_image_features" or (stage == DECODE and method in _ENCODING) else stage
