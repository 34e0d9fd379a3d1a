"""A picture that somebody wants: what it is (`Recipe`), its file (`FileSpec`), and on whose behalf (`Share`)."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
from msgspec.structs import replace

from safelight.contract.parameters.declared import passes_of
from safelight.contract.values.kinds import Value

MetadataMode = Literal["provenance", "full", "none"]


Role = Literal["image", "control", "mask"]
"""What a picture that a drawing begins with is for: to be changed, to be followed, or to say where."""


class InputPicture(msgspec.Struct, frozen=True, kw_only=True, weakref=True):
    """A picture that is drawn from or followed, or a mask, as it was decoded: turned as its Exif says, in sRGB, and not
    yet scaled.

    `sha256` is the hexadecimal digest of the file as it came. `pixels` are bytes, row by row from the top: red, green
    and blue of an image, one byte for each pixel of a mask, which is 255 where it is drawn anew and 0 where it is kept.
    `scene` is what an image of Postcard's says of itself, None where it says nothing. `name` is the ControlNet that
    follows a control picture.
    """

    role: Role
    sha256: str
    width: int
    height: int
    pixels: bytes
    scene: bytes | None = None
    name: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that the pixels depend on, but for the model's fingerprint.

    `source` is what draws; `seed` is never 0 here. `options` are declared parameters by their names, those that are
    left to the model not among them. `inputs` are pictures to draw from, in the caller's order, after them those that
    ControlNets follow, in the order of their names, and a mask if there is one; its size is that of the first picture.
    """

    source: str
    prompt: str
    width: int
    height: int
    seed: int
    options: dict[str, Value] = {}
    inputs: tuple[InputPicture, ...] = ()

    @property
    def without_pixels(self) -> Recipe:
        """The same, its pictures known by their files' digests alone."""
        return replace(self, inputs=tuple(replace(picture, pixels=b"", scene=None) for picture in self.inputs))

    @property
    def negative_prompt(self) -> str:
        return str(self.options.get("negative_prompt", ""))

    @property
    def steps(self) -> int | None:
        """None: as many as the model takes by itself."""
        steps = self.options.get("steps")
        return int(steps) if isinstance(steps, int | float) else None

    @property
    def strength(self) -> float | None:
        """How much of a picture is drawn anew; None: what the pipeline does by itself."""
        strength = self.options.get("strength")
        return float(strength) if isinstance(strength, int | float) else None

    @property
    def is_edit(self) -> bool:
        """Whether a picture is changed, and not drawn from words."""
        return any(picture.role == "image" for picture in self.inputs)

    @property
    def pictures(self) -> int:
        """How many it is drawn from, masks left out."""
        return sum(picture.role != "mask" for picture in self.inputs)

    @property
    def texts(self) -> tuple[str, ...]:
        """What a caller wrote, which no log may repeat."""
        return (self.prompt, *(value for value in self.options.values() if isinstance(value, str)))

    @property
    def pixels(self) -> int:
        """At least 1: a size that no pipeline takes is still estimated before it is refused."""
        return max(1, self.width * self.height)

    @property
    def passes(self) -> str:
        """What decides how many passes a step takes and of what length, for the cost of it."""
        drawn_from = "".join(f" {picture.role}" for picture in self.inputs)
        return passes_of(self.options) + drawn_from


class FileSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the file adds. `compression` is the quality that JPEG and WebP keep, 0 to 100; None: the usual. `metadata`
    is what the file says of itself, and `model` the public id that it names.
    """

    format: str
    compression: int | None = None
    metadata: MetadataMode = "provenance"
    model: str = ""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf a picture is drawn, and how: nothing of the picture depends on it.

    `weight` is how much of the device `group` shall have beside others, `seconds` how long drawing is expected to take.
    `exact` false allows the engine to draw it in a batch with others, which may change its last bits. `alone`: it may
    harm whoever draws it, so nothing else is drawn beside it. `background`: nobody waits for it, so everything else
    goes before it. `trace` is the id of the request that asked for it first, and `traceparent` that request's span (W3C
    Trace Context; "" where nothing is traced): by them the log names it.
    """

    group: str = ""
    weight: float = 1.0
    exact: bool = True
    alone: bool = False
    background: bool = False
    seconds: float = 0.0
    trace: str = ""
    traceparent: str = ""

    def named(self, job_id: str) -> str:
        """A job as logs name it: with the request and the trace that it belongs to."""
        trace = self.traceparent.split("-")[1] if self.traceparent else ""
        of = [f"{what} {which}" for what, which in (("request", self.trace), ("trace", trace)) if which]
        return f"job {job_id}" + (f" ({', '.join(of)})" if of else "")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to draw, complete. `began_with` is the fingerprint of the model that began to draw it before, which
    whoever has several waits for: the same seed gives the same bytes with the same fingerprint alone."""

    id: str
    recipe: Recipe
    file: FileSpec
    share: Share = Share()
    began_with: str | None = None

    @property
    def source(self) -> str:
        """What draws it."""
        return self.recipe.source

    @property
    def named(self) -> str:
        """As logs name it."""
        return self.share.named(self.id)

    @property
    def identity(self) -> bytes:
        """A SHA-256 that orders with the same file for an answer have in common.

        Of a picture to draw from the digest of its file stands for its pixels, which can be a hundred megabytes.
        """
        named = (self.recipe.without_pixels, self.file)
        return hashlib.sha256(msgspec.msgpack.encode(named, order="deterministic")).digest()
