"""What each contract offers: the strict eight parameters, or everything that a model can do (CONTRACT 1 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from safelight.contract.capabilities import MAX_PROMPT_CHARACTERS, MAX_SEED, Capabilities, Harmless, Parameter
from safelight.contract.sizes import ASPECT_RATIOS, DEFAULT_ASPECT_RATIO, DEFAULT_SIZE, SIZES, Size
from safelight.contract.traits import Traits

MAX_PICTURES = 10
MAX_PARTIAL_IMAGES = 3
MAX_STEPS = 150
MAX_GUIDANCE_SCALE = 30.0

# Sides of free sizes where the operator sets no bound. A model in pixels is trained near its own size and costs time
# and memory with the square of it: twice its size, and at least what the nine sizes need. A drawing is as good at any.
_LEAST_SIDE = 64
_MOST_SIDE = 2048
_MOST_SIDE_VECTOR = 4096

# Quality as steps: how much of a model's own number each preset takes.
_PRESETS = {"low": 0.5, "medium": 1.0, "high": 2.0}

Contract = Literal["strict", "open"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided about a model; None leaves it to the checkpoint or to the default.

    `max_side` bounds the sides of free sizes, in pixels; `quality_steps` says how many steps a quality takes.
    """

    contract: Contract = "strict"
    steps: int | None = None
    guidance_scale: float | None = None
    max_side: int | None = None
    quality_steps: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=256)
def capabilities_of(terms: Terms, traits: Traits | None) -> Capabilities:
    """What a model supports under these terms; `traits` None while the engine has not described the model yet."""
    return open_contract(terms, traits) if terms.contract == "open" else stable_image_ultra(traits)


def stable_image_ultra(traits: Traits | None = None) -> Capabilities:
    """The eight parameters that Heroku documents for `stable-image-ultra`, and no other (CONTRACT 1).

    Where what draws has no use for a negative prompt, only the empty one is accepted.
    """
    parameters = [
        *_first(traits),
        _ASPECT_RATIO,
        _SIZE,
        *_negative_prompt(traits),
        _output_format("jpeg", "png"),
        _SEED,
        _FLAG,
    ]
    harmless = [Harmless("n", (1,)), _RESPONSE_FORMAT, Harmless("stream", (False,)), *_USERS]
    return Capabilities(tuple(parameters), (*harmless, *_no_negative_prompt(traits)))


def open_contract(terms: Terms, traits: Traits | None) -> Capabilities:
    """Everything that a model can do under its own id (CONTRACT 6).

    While the model is not described, that is what every model can do.
    """
    formats = ("jpeg", "png", "webp", *(("svg",) if traits is not None and traits.vector else ()))
    parameters = [
        *_first(traits),
        _ASPECT_RATIO,
        _SIZE if traits is None else _free_size(terms, traits),
        *_negative_prompt(traits),
        _output_format(*formats),
        _SEED,
        *_MANY,
        *(() if traits is None else _steering(terms, traits)),
        _FLAG,
    ]
    harmless = [
        _RESPONSE_FORMAT,
        *_USERS,
        Harmless("background", ("auto", "opaque")),
        Harmless("moderation", ("auto",)),
    ]
    return Capabilities(tuple(parameters), (*harmless, *_no_negative_prompt(traits)))


def steps_of_quality(terms: Terms, traits: Traits) -> Mapping[str, int]:
    """How many steps `low`, `medium` and `high` take."""
    own = terms.steps or traits.steps
    presets = {name: min(MAX_STEPS, max(1, round(own * share))) for name, share in _PRESETS.items()}
    return presets | dict(terms.quality_steps)


def _steering(terms: Terms, traits: Traits) -> list[Parameter]:
    """Quality and steps, and guidance where the model has any."""
    presets = steps_of_quality(terms, traits)
    words = ", ".join(f"{name} {steps}" for name, steps in presets.items())
    own = terms.steps or traits.steps
    parameters = [
        Parameter(
            name="quality",
            kind="enum",
            default="auto",
            values=("auto", *presets),
            description=f"A number of steps by its name: {words}; auto: the model's own. Send this or `steps`.",
        ),
        Parameter(
            name="steps",
            kind="integer",
            default=own,
            minimum=1,
            maximum=max(MAX_STEPS, own),
            description="Denoising steps: more take longer.",
        ),
    ]
    if traits.guidance_scale is not None:
        scale = traits.guidance_scale if terms.guidance_scale is None else terms.guidance_scale
        parameters.append(
            Parameter(
                name="guidance_scale",
                kind="number",
                default=scale,
                minimum=0,
                maximum=max(MAX_GUIDANCE_SCALE, scale),
                description="How closely the prompt is followed.",
            )
        )
    return parameters


def _free_size(terms: Terms, traits: Traits) -> Parameter:
    multiple = traits.side_multiple
    most = _MOST_SIDE_VECTOR if traits.vector else max(_MOST_SIDE, 2 * traits.width, 2 * traits.height)
    most = (terms.max_side or most) // multiple * multiple
    least = min(-(-_LEAST_SIDE // multiple) * multiple, most)
    listed = [s for s in SIZES if all(side % multiple == 0 for side in Size.parse(s))]
    words = f"sides from {least} to {most}" + (f" in multiples of {multiple}" if multiple > 1 else "")
    return Parameter(
        name="size",
        kind="size",
        default=str(Size(traits.width, traits.height)),
        values=tuple(listed),
        minimum=least,
        maximum=most,
        multiple_of=multiple,
        description=f"WIDTHxHEIGHT in pixels: one of the list, or {words}; auto: the default.",
    )


def _first(traits: Traits | None) -> tuple[Parameter, ...]:
    """Model and prompt, and how much of the prompt is read where that is known."""
    model, prompt = _FIRST
    return model, msgspec.structs.replace(prompt, max_tokens=traits.prompt_tokens if traits is not None else None)


def _negative_prompt(traits: Traits | None) -> list[Parameter]:
    return [_NEGATIVE_PROMPT] if traits is None or traits.negative_prompt else []


def _no_negative_prompt(traits: Traits | None) -> list[Harmless]:
    """Nothing to avoid is what happens anyway, and clients send it."""
    return [] if traits is None or traits.negative_prompt else [Harmless("negative_prompt", ("",))]


def _output_format(*formats: str) -> Parameter:
    return Parameter(name="output_format", kind="enum", default="png", values=formats, description="The file format.")


_FIRST = (
    Parameter(name="model", kind="string", required=True, description="An id or alias from the model list."),
    Parameter(
        name="prompt",
        kind="string",
        required=True,
        minimum=1,
        maximum=MAX_PROMPT_CHARACTERS,
        blank_allowed=False,
        description="What the picture should show.",
    ),
)
_ASPECT_RATIO = Parameter(
    name="aspect_ratio",
    kind="enum",
    default=DEFAULT_ASPECT_RATIO,
    values=ASPECT_RATIOS,
    description="Width to height. Each ratio has one size; send either, or both where they agree.",
)
_SIZE = Parameter(
    name="size", kind="enum", default=DEFAULT_SIZE, values=SIZES, description="Width and height in pixels."
)
_NEGATIVE_PROMPT = Parameter(
    name="negative_prompt",
    kind="string",
    default="",
    maximum=MAX_PROMPT_CHARACTERS,
    description="What the picture should not show.",
)
_SEED = Parameter(
    name="seed",
    kind="integer",
    default=0,
    minimum=0,
    maximum=MAX_SEED,
    description="The same seed and parameters give the same bytes. 0 draws a fresh seed.",
)
_FLAG = Parameter(
    name="allow_ignored_params",
    kind="boolean",
    default=False,
    description="true: ignore parameters that the model does not support, instead of refusing them.",
)
_MANY = (
    Parameter(
        name="n",
        kind="integer",
        default=1,
        minimum=1,
        maximum=MAX_PICTURES,
        description="How many pictures. With a seed, the others have the seeds after it; 1 follows the last.",
    ),
    Parameter(
        name="stream",
        kind="boolean",
        default=False,
        description="true: the answer is a stream of server-sent events.",
    ),
    Parameter(
        name="partial_images",
        kind="integer",
        default=0,
        minimum=0,
        maximum=MAX_PARTIAL_IMAGES,
        description="How often a stream shows a picture while it is drawn.",
    ),
    Parameter(
        name="output_compression",
        kind="integer",
        minimum=0,
        maximum=100,
        description="For JPEG and WebP: the quality kept, 100 the best (WebP: lossless). Absent: 90. Others take 100.",
    ),
)
_RESPONSE_FORMAT = Harmless("response_format", ("b64_json", "base64"))
# OpenAI's clients send the second since 2026-09, in place of the first.
_USERS = (Harmless("user", None), Harmless("safety_identifier", None))
