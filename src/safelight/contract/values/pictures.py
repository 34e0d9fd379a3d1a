"""Pictures that a request brings along: what is known of each, and the kinds of parameters they are (CONTRACT 8)."""

# Tested in tests/contract/test_edit_request.py.

from __future__ import annotations

from collections.abc import Collection
from typing import Any, BinaryIO, ClassVar, Protocol, runtime_checkable

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.wording import missing, quoted_name, shown, wrong

MOST_PICTURES = 16
_LIKE = '{"image_url": "data:image/png;base64,…"}'
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}


@runtime_checkable
class PictureFile(Protocol):
    """A file as it came. `sha256` is hexadecimal."""

    @property
    def sha256(self) -> str: ...

    @property
    def size(self) -> int: ...

    def open(self) -> BinaryIO:
        """The content from its first byte on. Whoever opened it reads it before somebody else does."""


class PictureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's `request` says of a picture: the digest and length of its file, and its size in pixels."""

    sha256: str
    bytes: int
    width: int
    height: int


class GivenPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a request as it came: a file, or the address with its content, or what is known of a kept one.

    `param` is what an error about it names.
    """

    param: str
    file: PictureFile | None = None
    url: str = ""
    facts: PictureFacts | None = None


def read_picture(place: str, value: object) -> GivenPicture:
    """A picture at that place of a body. What a `data:` address holds is not looked at.

    Raises:
        InvalidRequest: it is no such object, names an address elsewhere or a `file_id`, or has an unknown key.
    """
    if isinstance(value, PictureFile):
        return GivenPicture(param=place, file=value)
    if isinstance(value, PictureFacts):
        return GivenPicture(param=place, facts=value)
    if not isinstance(value, dict):
        raise wrong(place, f"an object like {_LIKE}", value)
    said = {name: inner for name, inner in value.items() if inner is not None}
    _refuse_unknown(place, said)
    param = f"{place}.image_url"
    if "image_url" not in said:
        raise missing(param)
    url = said["image_url"]
    if not isinstance(url, str):
        raise wrong(param, "an address like data:image/png;base64,…", url)
    if url[:5].lower() != "data:":
        raise InvalidRequest(
            f"`{param}` must hold the picture itself, as data:image/png;base64,…; got {shown(url[:32])}. "
            "No address is fetched.",
            param=param,
        )
    return GivenPicture(param=param, url=url)


def _refuse_unknown(place: str, said: Collection[str]) -> None:
    if "file_id" in said:
        raise InvalidRequest(
            f"`{place}.file_id` names a file of another service. Send the picture itself: {_LIKE}.",
            param=f"{place}.file_id",
        )
    for name in said:
        if name != "image_url":
            called = f"{place}.{quoted_name(name)}"
            raise InvalidRequest(
                f"`{called}` is not known; a picture is {_LIKE}.", code="unknown_parameter", param=called
            )


class Picture(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="picture"):
    """One picture: in a form a file, in JSON an object with a `data:` address."""

    by_form: bool = False

    typed: ClassVar[Any] = str

    def read(self, name: str, value: object) -> GivenPicture:
        """As `Text.read`; the picture as it came."""
        return read_picture(name, value)

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        if self.by_form:
            return dict(_BINARY)
        url = {"type": "string", "pattern": "^[dD][aA][tT][aA]:[^,]*;[bB][aA][sS][eE]64,"}
        return {
            "type": "object",
            "properties": {"image_url": url},
            "required": ["image_url"],
            "additionalProperties": False,
        }

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": "picture"}

    def words(self) -> str:
        """As `Text.words`."""
        return "a PNG, JPEG or WebP file"


class Pictures(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pictures"):
    """Several pictures in an order that counts."""

    minimum: int
    maximum: int
    by_form: bool = False

    typed: ClassVar[Any] = list[str]

    def read(self, name: str, value: object) -> tuple[GivenPicture, ...]:
        """As `Text.read`; the pictures as they came. One of a form is called by the field's name alone."""
        if not isinstance(value, list | tuple):
            raise wrong(name, f"an array of objects like {_LIKE}", value)
        if not self.minimum <= len(value) <= self.maximum:
            raise wrong_count(name, self, len(value))
        alone = self.by_form and len(value) == 1
        return tuple(read_picture(name if alone else f"{name}[{i}]", each) for i, each in enumerate(value))

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`. A form has one file, or the field as often as there are files."""
        one = Picture(by_form=self.by_form).json_schema()
        return {"type": "array", "items": one, "minItems": self.minimum, "maxItems": self.maximum}

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": "pictures", "minimum": self.minimum, "maximum": self.maximum}

    def words(self) -> str:
        """As `Text.words`."""
        return f"{self.minimum} to {self.maximum} PNG, JPEG or WebP files"


class NamedPictures(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="named pictures"):
    """Pictures by names that the model knows, at most so many: in a form files called `control[NAME]`, in JSON an
    object. Without `in_edits` they go with words alone."""

    names: tuple[str, ...]
    most: int
    by_form: bool = False
    in_edits: bool = False

    typed: ClassVar[Any] = list[str]

    def read(self, name: str, value: object) -> tuple[tuple[str, GivenPicture], ...]:
        """As `Text.read`; the pictures as they came with their names, in the order of these."""
        if not isinstance(value, dict):
            raise wrong(name, f'an object like {{"{self.names[0]}": {_LIKE}}}', value)
        said = {key: each for key, each in value.items() if each is not None}
        for key in said:
            if key not in self.names:
                raise InvalidRequest(
                    f"`{name}` has no {quoted_name(key)} for this model. It has: {', '.join(self.names)}.", param=name
                )
        if len(said) > self.most:
            many = "one picture" if self.most == 1 else f"at most {self.most} pictures"
            raise InvalidRequest(f"`{name}` takes {many} for this model; {len(said)} came.", param=name)
        place = "{}[{}]" if self.by_form else "{}.{}"
        return tuple((key, read_picture(place.format(name, key), said[key])) for key in sorted(said))

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        one = Picture(by_form=self.by_form).json_schema()
        if not self.by_form:
            one = {"anyOf": [one, {"type": "null"}]}
        properties = dict.fromkeys(self.names, one)
        return {"type": "object", "properties": properties, "additionalProperties": False, "maxProperties": self.most}

    def form_fields(self, name: str, description: str) -> dict[str, dict[str, Any]]:
        """The fields of a form that it is, as JSON Schema."""
        return {f"{name}[{each}]": {**_BINARY, "description": description} for each in self.names}

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": "named pictures", "names": list(self.names), "most": self.most}

    def words(self) -> str:
        """As `Text.words`."""
        return f"PNG, JPEG or WebP files by name: {', '.join(self.names) or 'none'}; at most {self.most}"


def wrong_count(name: str, kind: Pictures, count: int) -> InvalidRequest:
    """Too few or too many pictures. None at all is a missing parameter."""
    if count == 0:
        return missing(name)
    many = str(kind.maximum) if kind.minimum == kind.maximum else f"{kind.minimum} to {kind.maximum}"
    noun = "picture" if many == "1" else "pictures"
    return InvalidRequest(f"`{name}` takes {many} {noun} for this model; {count} came.", param=name)
