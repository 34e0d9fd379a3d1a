"""What a pipeline says of its own finished pictures: whether its safety checker would rather not show them."""

from __future__ import annotations

from typing import Any

# The fields of diffusers' outputs that hold a verdict for each picture: Stable Diffusion and its kin, and DeepFloyd IF.
_VERDICTS = ("nsfw_content_detected", "nsfw_detected")


def has_checker(pipeline: Any) -> bool:
    """Whether finished pictures are looked at: before that, nothing of them may be shown."""
    return getattr(pipeline, "safety_checker", None) is not None


def is_flagged(output: Any) -> bool:
    """Whether a pipeline's output says that one of its pictures is not to be shown; it has usually been blackened."""
    return any(_says_yes(getattr(output, name, None)) for name in _VERDICTS)


def _says_yes(verdict: Any) -> bool:
    """Lists of verdicts, one for each picture; of one picture with several, any counts."""
    return any(map(_says_yes, verdict)) if isinstance(verdict, list | tuple) else _has_true(verdict)


def _has_true(verdict: Any) -> bool:
    """A verdict by itself, which may be an array or a tensor."""
    return bool(verdict.any()) if hasattr(verdict, "any") else bool(verdict)
