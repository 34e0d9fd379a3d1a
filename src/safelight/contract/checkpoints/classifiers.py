"""Checkpoints of image classifiers, by what their `config.json` says (https://huggingface.co/docs/transformers)."""

from __future__ import annotations

from typing import Any

SAFETY_CHECKER = "StableDiffusionSafetyChecker"
"""Stable Diffusion's own, which has no labels in its configuration."""
SAFETY_CHECKERS_LABEL = "nsfw"
_CLASSIFIER = "ForImageClassification"
# What transformers takes where a configuration names none.
_LABELS = ("LABEL_0", "LABEL_1")


def is_safety_checker(config: Any) -> bool:
    """Whether a configuration is that of a safety checker."""
    return SAFETY_CHECKER in _architectures(config)


def labels_of(config: Any) -> tuple[str, ...]:
    """The labels that a classifier gives scores for; none: this is no image classifier."""
    if is_safety_checker(config):
        return (SAFETY_CHECKERS_LABEL,)
    if not any(name.endswith(_CLASSIFIER) for name in _architectures(config)):
        return ()
    named = config.get("id2label")
    return tuple(map(str, named.values())) if isinstance(named, dict) and named else _LABELS


def _architectures(config: Any) -> tuple[str, ...]:
    named = config.get("architectures") if isinstance(config, dict) else None
    return tuple(map(str, named)) if isinstance(named, list) else ()
