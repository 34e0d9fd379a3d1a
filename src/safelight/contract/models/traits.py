"""What a checkpoint can do, as the engine reads it off its pipeline; capabilities are drawn from it (CONTRACT 1.3)."""

from __future__ import annotations

import msgspec


class EditTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What a model that draws from pictures takes beside words: how many of them, a mask, and how much is drawn anew.

    `maximum_with_mask` is how many beside a mask; None: as many as without. `scene`: it reads the scene of a picture
    and not its pixels, so it takes its own drawings alone. `controls`: ControlNets may be followed too.
    """

    minimum: int = 1
    maximum: int = 1
    maximum_with_mask: int | None = None
    mask: bool = False
    strength: bool = False
    scene: bool = False
    controls: bool = False


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about one model that callers and the operator need before anything is drawn.

    `pipeline` is the class name in diffusers. `negative_prompt`: a negative prompt changes pictures at the model's own
    guidance or any other that it takes. `guidance_scale` is what the model uses when nobody says; None: it has no
    guidance to set. `steps` likewise. `width` and `height` are the pixels it draws when nobody says, and every side
    must be a multiple of `side_multiple`. `few_steps` marks a distilled checkpoint (turbo, lightning, schnell …).
    `vector`: it draws vectors, so that SVG can be had. `notes` are sentences for whoever serves it: what it is served
    without, and why. `prompt_tokens` is how many tokens of a prompt are read; None where that is not known.
    `takes` are the declared parameters that its pipeline has an argument of the same name for. `edits` is what it takes
    of pictures, None where it draws from words alone; without `draws_from_words` it works only from pictures. `loras`
    are the names of those that fit it, `controls` those of its ControlNets, of which with `controls_together` a picture
    may follow several.
    """

    pipeline: str
    steps: int
    guidance_scale: float | None = None
    negative_prompt: bool = False
    width: int = 1024
    height: int = 1024
    side_multiple: int = 8
    few_steps: bool = False
    vector: bool = False
    notes: tuple[str, ...] = ()
    prompt_tokens: int | None = None
    takes: tuple[str, ...] = ()
    edits: EditTraits | None = None
    draws_from_words: bool = True
    loras: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    controls_together: bool = False
