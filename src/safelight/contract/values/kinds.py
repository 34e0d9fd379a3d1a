"""Kinds of parameters: what each takes, how it is read, described as JSON Schema and worded for people.

A kind is a class. Whoever needs another one (a picture, say) adds it here, and to `Kind`; whoever uses kinds asks them
and never tells them apart. `type` is the word for a kind in the model list.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.pictures import NamedPictures, Picture, Pictures
from safelight.contract.values.sizes import pattern_of_sizes
from safelight.contract.values.surrogates import half_pair, half_pair_in
from safelight.contract.values.weights import Weights
from safelight.contract.values.wording import wrong

AUTO = "auto"

Value = str | int | float | bool | dict[str, float]

# Regular expressions: no NUL, and somewhere something that is not blank. Blank is what Python's `str.strip` strips;
# ECMA-262, JSON Schema's dialect, does not count the separators 1C to 1F and the line end 85 under \s.
_TEXT = r"^[^\x00]*$"
_TEXT_NOT_BLANK = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"
_FREE_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


class Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="string"):
    """Text of so many Unicode code points; None does not bound it."""

    min_length: int | None = None
    max_length: int | None = None
    blank_allowed: bool = True

    typed: ClassVar[type[Value]] = str

    def read(self, name: str, value: object) -> str:
        """The value of the parameter `name`, as it came.

        Raises:
            InvalidRequest: it is of another type, holds what no text may, is blank or too long.
        """
        if not isinstance(value, str):
            raise wrong(name, "a string", value)
        if "\0" in value:
            raise InvalidRequest(f"`{name}` holds a NUL as character {value.index(chr(0)) + 1}. Remove it.", param=name)
        place = half_pair_in(value)
        if place is not None:
            raise half_pair(name, place)
        if not self.blank_allowed and not value.strip():
            raise InvalidRequest(f"`{name}` is blank. Say what the picture should show.", param=name)
        if self.max_length is not None and len(value) > self.max_length:
            allowed = f"at most {self.max_length} characters"
            raise InvalidRequest(f"`{name}` takes {allowed}; {len(value)} came.", param=name)
        return value

    def from_text(self, text: str) -> object:
        """The value that a form's text stands for. Text that stands for none stays as it is, and `read` refuses it."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12, the dialect of OpenAPI 3.1, of a value that is there."""
        bounds = {"minLength": self.min_length, "maxLength": self.max_length}
        pattern = _TEXT if self.blank_allowed else _TEXT_NOT_BLANK
        return {"type": "string"} | _said(bounds) | {"pattern": pattern}

    def described(self) -> dict[str, Any]:
        """What the model list says of it."""
        return _said({"type": "string", "min_length": self.min_length, "max_length": self.max_length})

    def words(self) -> str:
        """What it takes, in words for a table."""
        return "text" if self.max_length is None else f"text of {self.min_length or 0} to {self.max_length} characters"


class Choice(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="enum"):
    """One of several words."""

    values: tuple[str, ...]

    typed: ClassVar[type[Value]] = str

    def read(self, name: str, value: object) -> str:
        """As `Text.read`."""
        if not isinstance(value, str) or value not in self.values:
            raise wrong(name, "one of " + ", ".join(self.values), value)
        return value

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        return {"type": "string", "enum": list(self.values)}

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": "enum", "values": list(self.values)}

    def words(self) -> str:
        """As `Text.words`."""
        return " ".join(self.values)


class Number(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="number"):
    """A number within bounds."""

    minimum: int | float
    maximum: int | float

    typed: ClassVar[type[Value]] = float
    _called: ClassVar[str] = "a number"

    def read(self, name: str, value: object) -> int | float:
        """As `Text.read`."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._allows(value):
            raise wrong(name, f"{self._called} from {self.minimum} to {self.maximum}", value)
        return value

    def from_text(self, text: str) -> object:
        """As `Text.from_text`: a number as JSON writes it."""
        value = _json_in(text)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else text

    def _allows(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        return self.described()

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": self.__struct_config__.tag, "minimum": self.minimum, "maximum": self.maximum}

    def words(self) -> str:
        """As `Text.words`."""
        return f"{self.__struct_config__.tag} from {self.minimum} to {self.maximum}"


class Whole(Number, frozen=True, kw_only=True, tag="integer"):
    """A whole number within bounds. JSON writes one as 5, 5.0 or 5e0."""

    typed: ClassVar[type[Value]] = int
    _called: ClassVar[str] = "an integer"

    def read(self, name: str, value: object) -> int:
        """As `Text.read`."""
        return int(super().read(name, value))

    def _allows(self, value: float) -> bool:
        return super()._allows(value) and (isinstance(value, int) or value.is_integer())


class Flag(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="boolean"):
    """True or false."""

    typed: ClassVar[type[Value]] = bool

    def read(self, name: str, value: object) -> bool:
        """As `Text.read`."""
        if not isinstance(value, bool):
            raise wrong(name, self.words(), value)
        return value

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return {"true": True, "false": False}.get(text, text)

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        return self.described()

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        return {"type": "boolean"}

    def words(self) -> str:
        """As `Text.words`."""
        return "true or false"


class FreeSize(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="size"):
    """`WIDTHxHEIGHT` in pixels: one of `values`, sides within bounds, or the model's `own`, which is also `auto`."""

    values: tuple[str, ...]
    minimum: int
    maximum: int
    multiple_of: int
    own: str = ""

    typed: ClassVar[type[Value]] = str

    @property
    def sides(self) -> range:
        """The sides that it may have, in pixels."""
        return range(self.minimum, self.maximum + 1, self.multiple_of)

    def read(self, name: str, value: object) -> str:
        """As `Text.read`."""
        if isinstance(value, str) and value in (AUTO, self.own, *self.values):
            return value
        sides = self.sides
        found = _FREE_SIZE.fullmatch(value) if isinstance(value, str) else None
        if found is not None and all(int(side) in sides for side in found.groups()):
            return found[0]
        multiples = f" in multiples of {sides.step}" if sides.step > 1 else ""
        free = f"WIDTHxHEIGHT with sides from {sides.start} to {sides.stop - 1}{multiples}"
        raise wrong(name, f"{free}, or one of {', '.join((AUTO, *self.values))}", value)

    def from_text(self, text: str) -> object:
        """As `Text.from_text`."""
        return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        return {"type": "string", "pattern": pattern_of_sizes(self.sides, (AUTO, self.own, *self.values))}

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        bounds = {"multiple_of": self.multiple_of, "minimum": self.minimum, "maximum": self.maximum}
        return {"type": "size", "values": list(self.values)} | bounds

    def words(self) -> str:
        """As `Text.words`."""
        multiples = f", multiples of {self.multiple_of}" if self.multiple_of > 1 else ""
        return f"{' '.join(self.values)}; WIDTHxHEIGHT, sides from {self.minimum} to {self.maximum}{multiples}; auto"


Kind = Text | Choice | FreeSize | Whole | Number | Flag | Weights | Picture | Pictures | NamedPictures


def words_for(described: dict[str, Any]) -> str:
    """What a parameter takes, by what a model list says of it, which may be that of another version of Safelight."""
    try:
        return msgspec.convert(described, Kind).words()  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        return str(described.get("type", "unknown"))


def _json_in(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
