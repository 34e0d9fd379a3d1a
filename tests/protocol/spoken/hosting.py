"""What the last release says. `python -m tests.protocol.keep` writes this file."""

from __future__ import annotations

from typing import Literal

import msgspec


class InputPicture(msgspec.Struct, frozen=True, kw_only=True):
    role: Literal["image", "control", "mask"]
    sha256: str
    width: int
    height: int
    pixels: bytes
    scene: bytes | None = None
    name: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    prompt: str
    width: int
    height: int
    seed: int
    options: dict[str, str | int | float | bool | dict[str, float]] = msgspec.field(default_factory=dict)
    inputs: tuple[InputPicture, ...] = ()


class FileSpec(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    compression: int | None = None
    metadata: Literal["provenance", "full", "none"] = "provenance"
    model: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    group: str = ""
    weight: float = 1.0
    exact: bool = True
    alone: bool = False
    background: bool = False
    seconds: float = 0.0
    trace: str = ""
    traceparent: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    recipe: Recipe
    file: FileSpec
    share: Share = Share()


class Draw(msgspec.Struct, frozen=True, kw_only=True, tag="Draw"):
    order: Order


class EmbedOrder(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    source: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    share: Share = Share()


class Embed(msgspec.Struct, frozen=True, kw_only=True, tag="Embed"):
    order: EmbedOrder


class Take(msgspec.Struct, frozen=True, kw_only=True, tag="Take"):
    reader: str
    work: Draw | Embed


class Follow(msgspec.Struct, frozen=True, kw_only=True, tag="Follow"):
    reader: str
    job_id: str


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag="Leave"):
    reader: str
    job_id: str


class View(msgspec.Struct, frozen=True, kw_only=True, tag="View"):
    reader: str
    job_id: str
    longest: int


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="Drain"):
    pass


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="Started"):
    job_id: str


class Stepped(msgspec.Struct, frozen=True, kw_only=True, tag="Stepped"):
    job_id: str
    step: int
    steps: int


class Preview(msgspec.Struct, frozen=True, kw_only=True, tag="Preview"):
    job_id: str
    step: int
    steps: int
    image: bytes


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    wait: float = 0.0
    stages: dict[str, float] = msgspec.field(default_factory=dict)
    image_encode: float = 0.0
    steps: tuple[float, ...] = ()


class PromptCut(msgspec.Struct, frozen=True, kw_only=True):
    parameter: Literal["prompt", "negative_prompt"]
    read: int
    tokens: int


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="Finished"):
    job_id: str
    image: bytes
    fingerprint: str
    timings: Timings
    tier: Literal["exact", "throughput"] = "exact"
    cuts: tuple[PromptCut, ...] = ()


class Embedded(msgspec.Struct, frozen=True, kw_only=True, tag="Embedded"):
    job_id: str
    vectors: bytes
    tokens: int
    cut: int
    seconds: float


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="Failed"):
    job_id: str
    reason: str
    retry_helps: bool = True
    code: Literal[
        "internal_error",
        "content_policy_violation",
        "unsupported_operation",
        "unknown_parameter",
        "missing_required_parameter",
        "invalid_value",
        "invalid_image",
    ] = "internal_error"
    param: str | None = None


class Cancelled(msgspec.Struct, frozen=True, kw_only=True, tag="Cancelled"):
    job_id: str


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag="Beat"):
    pass


class HandedBack(msgspec.Struct, frozen=True, kw_only=True, tag="HandedBack"):
    job_id: str
    begun: bool


class NotHere(msgspec.Struct, frozen=True, kw_only=True, tag="NotHere"):
    job_id: str
