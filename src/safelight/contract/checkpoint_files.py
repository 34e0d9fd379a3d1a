"""The files of a checkpoint in diffusers' layout, by their names: for whoever fetches, checks or loads them."""

from __future__ import annotations

import re
from collections.abc import Iterable

INDEX = "model_index.json"
CONFIGURES = (".json", ".txt", ".model", ".jinja")
"""Configurations and vocabularies; a README changes nothing."""
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
# model.safetensors, model.fp16.safetensors, model.fp16-00001-of-00002.safetensors
_WEIGHTS = re.compile(r"[^.]+?(?:\.(?P<variant>\w+?))?(?:-\d{5}-of-\d{5})?\.safetensors")


def variant_of(path: str) -> str | None:
    """Which variant a safetensors file is of, like fp16; None for the plain one."""
    named = _WEIGHTS.fullmatch(path.rpartition("/")[2])
    return named["variant"] if named else None


def one_variant(paths: Iterable[str], wanted: str | None) -> tuple[str | None, list[str]]:
    """Of a component's safetensors files those to use, and their variant: the wanted, the plain, or the first."""
    by_variant: dict[str | None, list[str]] = {}
    for path in paths:
        by_variant.setdefault(variant_of(path), []).append(path)
    if not by_variant:
        return None, []
    chosen = wanted if wanted in by_variant else None if None in by_variant else min(filter(None, by_variant))
    return chosen, by_variant[chosen]
