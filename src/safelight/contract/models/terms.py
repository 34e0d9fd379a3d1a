"""What an operator decides about a model beyond what its checkpoint says."""

from __future__ import annotations

from typing import Literal

import msgspec

Contract = Literal["strict", "open"]
"""The eight parameters that Heroku documents and no other, or everything that the model can do (CONTRACT 1 and 6)."""


class OperatorTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided about a model; None leaves it to the checkpoint or to the default.

    `rewrites`: a chat model writes its prompts anew. `max_side` bounds the sides of free sizes, in pixels;
    `quality_steps` says how many steps a quality takes. `loras` are those that the id stands for, with their weights;
    `lora_weights` are the operator's for all.
    """

    contract: Contract = "strict"
    rewrites: bool = False
    steps: int | None = None
    guidance_scale: float | None = None
    max_side: int | None = None
    quality_steps: tuple[tuple[str, int], ...] = ()
    loras: tuple[tuple[str, float], ...] = ()
    lora_weights: tuple[tuple[str, float], ...] = ()
