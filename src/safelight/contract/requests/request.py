"""An image request, checked: what is drawn of it, kept of it, and what makes two of them the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from safelight.contract.catalogue import ModelEntry
from safelight.contract.parameters.answer.delivery import LINK
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.declared import declared, fingerprint_marks, options_of
from safelight.contract.parameters.rendering.seed import MAX_SEED
from safelight.contract.parameters.rendering.size import fields_of_size
from safelight.contract.requests.order import FileSpec, InputPicture, MetadataMode, Recipe, Role
from safelight.contract.values.kinds import AUTO, Text, Value
from safelight.contract.values.pictures import GivenPicture, PictureFacts, PictureFile
from safelight.contract.values.sizes import Size


class Delivery(msgspec.Struct, frozen=True):
    """How an answer comes: as a stream, with so many partial images in it, or whole; with links for pictures."""

    stream: bool = False
    partial_images: int = 0
    as_links: bool = False

    def fields(self) -> dict[str, Any]:
        """What of it belongs to a request however often it is asked again."""
        return {"response_format": LINK} if self.as_links else {}


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt that is drawn. `own` is what the caller sent where `prompt` is what a chat model made of it, which it
    may unless `rewrite` is false.
    """

    prompt: str
    rewrite: bool = True
    own: str | None = None

    def written_anew(self, prompt: str) -> Words:
        """What a chat model made of them."""
        return msgspec.structs.replace(self, prompt=prompt, own=self.prompt)

    def fields(self) -> dict[str, Any]:
        """As the caller wrote them."""
        return {"prompt": self.own or self.prompt} | ({} if self.rewrite else {"rewrite": False})


class Series(msgspec.Struct, frozen=True):
    """`n` pictures, the first with that seed; 0 asks for a fresh one."""

    seed: int
    n: int = 1


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """What a drawing begins with. `given` are the pictures as they came, `given_controls` those that ControlNets
    follow, by name, and `given_mask` the mask.

    The others are known once the files were looked at, in the same order with the mask last: what they are, what is
    drawn from, and the files themselves. `inputs` may have a mask that no file was sent for.
    """

    given: tuple[GivenPicture, ...] = ()
    given_controls: tuple[tuple[str, GivenPicture], ...] = ()
    given_mask: GivenPicture | None = None
    facts: tuple[PictureFacts, ...] = ()
    inputs: tuple[InputPicture, ...] = ()
    files: tuple[PictureFile, ...] = ()

    @property
    def all_given(self) -> tuple[GivenPicture, ...]:
        """Pictures, those that are followed, and mask."""
        controls = (each for _, each in self.given_controls)
        return (*self.given, *controls, *(() if self.given_mask is None else (self.given_mask,)))

    @property
    def parts(self) -> tuple[tuple[Role, str], ...]:
        """What each of `all_given` is, and the name of a ControlNet."""
        controls: list[tuple[Role, str]] = [("control", name) for name, _ in self.given_controls]
        mask: list[tuple[Role, str]] = [] if self.given_mask is None else [("mask", "")]
        return (*((("image", ""),) * len(self.given)), *controls, *mask)

    def fields(self) -> dict[str, Any]:
        """What a job's `request` says of them."""
        facts = [msgspec.to_builtins(each) for each in self.facts]
        if not facts:
            return {}
        told: dict[str, Any] = {"images": facts[: len(self.given)]} if self.given else {}
        if self.given_controls:
            names = [name for name, _ in self.given_controls]
            told["control"] = dict(zip(names, facts[len(self.given) :], strict=False))
        return told | ({} if self.given_mask is None else {"mask": facts[-1]})


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, size and aspect ratio reconciled.

    `asked` are all parameters that decide the picture or its file beside those that have a field here, by name,
    defaults filled in; what the caller leaves open and the model decides is not in it.
    """

    model: ModelEntry
    words: Words
    size: Size
    series: Series
    delivery: Delivery = Delivery()
    asked: Mapping[str, Value] = {}
    call: Call = "generate"
    begin: Begin = Begin()

    @property
    def prompt(self) -> str:
        return self.words.prompt

    @property
    def revised_prompt(self) -> str:
        """What a chat model made of the caller's own prompt; empty where that is what is drawn."""
        return "" if self.words.own is None else self.prompt

    @property
    def seed(self) -> int:
        """Of the first picture; 0 asks for a fresh one."""
        return self.series.seed

    @property
    def n(self) -> int:
        """How many pictures."""
        return self.series.n

    def one(self, seed: int) -> ImageRequest:
        """The request for one of its pictures."""
        return msgspec.structs.replace(self, series=Series(seed))

    @property
    def output_format(self) -> str:
        return str(self.asked["output_format"])

    @property
    def quality(self) -> str:
        """The preset's name; `auto` where none was asked for."""
        return str(self.asked.get("quality", AUTO))

    @property
    def options(self) -> dict[str, Value]:
        """What decides the picture beside prompt, size and seed: as asked, else as the operator set it."""
        return options_of(self.asked, self.model.terms, self.model.traits)

    @property
    def fingerprint_marks(self) -> list[str]:
        """What the operator set, or a preset stands for, on which the bytes depend."""
        return fingerprint_marks(self.asked, self.options)

    def recipe(self, seed: int) -> Recipe:
        """The picture with that seed."""
        width, height = self.size
        return Recipe(
            source=self.model.source,
            prompt=self.prompt,
            width=width,
            height=height,
            seed=seed,
            options=self.options,
            inputs=self.begin.inputs,
        )

    def file(self, metadata: MetadataMode) -> FileSpec:
        """The file that each of its pictures becomes."""
        compression = self.asked.get("output_compression")
        kept = int(compression) if isinstance(compression, int) else None
        return FileSpec(format=self.output_format, compression=kept, metadata=metadata, model=self.model.id)

    def texts(self) -> dict[str, str]:
        """The prompts, by their parameters' names."""
        others = {
            d.name: self.asked[d.name]
            for d in declared()
            if isinstance(d.parameter.kind, Text) and d.name in self.asked
        }
        return {"prompt": self.prompt} | {name: str(text) for name, text in others.items()}

    def fields(self) -> dict[str, Any]:
        """One of its pictures as the body that asks for it again: every parameter, defaults filled in, and the prompt
        as the caller wrote it.

        What the caller left to the model, steps say, stays left to it.
        """
        said: dict[str, Any] = {"model": self.model.id, **self.words.fields(), "seed": self.seed}
        return said | fields_of_size(self.size) | dict(self.asked) | self.delivery.fields() | self.begin.fields()

    def digest(self) -> bytes:
        """A SHA-256 of what two requests with the same `Idempotency-Key` must have in common."""
        fields = self.fields() | ({"n": self.n} if self.n > 1 else {})
        return hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).digest()

    def seeds(self, first: int) -> tuple[int, ...]:
        """The seeds of all pictures: `first` and those after it; the last possible one is followed by 1."""
        return tuple((first - 1 + i) % MAX_SEED + 1 for i in range(self.n))
