"""What a pipeline's signature says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def of_one_frame(parameters: Mapping[str, Any]) -> dict[str, int]:
    """What a pipeline for videos and pictures is told so that it draws a picture; nothing for one of pictures alone."""
    return {"num_frames": 1} if "num_frames" in parameters else {}


def guidance_parameter(parameters: Mapping[str, Any]) -> str | None:
    """The keyword that sets how strongly a pipeline follows its prompt; None where it has none.

    `guidance_scale` nearly always. Where that is off by default and `true_cfg_scale` is there (Qwen-Image's way),
    classifier-free guidance goes by the latter.
    """
    if parameters.get("guidance_scale") is None and parameters.get("true_cfg_scale") is not None:
        return "true_cfg_scale"
    return "guidance_scale" if "guidance_scale" in parameters else None
