"""What a model supports: the one description that validation, the model list, OpenAPI and the studio are drawn from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from safelight.contract.sizes import pattern_of_sizes

MAX_PROMPT_CHARACTERS = 10_000
MAX_SEED = 2**32 - 1

# Regular expressions: no NUL, and somewhere something that is not blank. Blank is what Python's `str.strip` strips;
# ECMA-262, JSON Schema's dialect, does not count the separators 1C to 1F and the line end 85 under \s.
_TEXT = r"^[^\x00]*$"
_TEXT_NOT_BLANK = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"

Kind = Literal["string", "enum", "size", "integer", "number", "boolean"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of the images endpoint, as one model supports it.

    `minimum` and `maximum` bound a number, the length of a string in Unicode code points, or the sides of a size, which
    are multiples of `multiple_of`. A size is also one of `values`, or `auto`. No more than `max_tokens` of a
    text are read.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: str | int | float | bool | None = None
    values: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    multiple_of: int | None = None
    blank_allowed: bool = True
    max_tokens: int | None = None

    def json_schema(self) -> dict[str, Any]:
        """This parameter as JSON Schema 2020-12 (the dialect of OpenAPI 3.1)."""
        if self.kind == "enum":
            schema: dict[str, Any] = {"type": "string", "enum": list(self.values)}
        elif self.kind == "size":
            schema = {"type": "string", "pattern": self._sizes()}
        else:
            schema = {"type": self.kind}
            bounds = ("minLength", "maxLength") if self.kind == "string" else ("minimum", "maximum")
            limits = zip(bounds, (self.minimum, self.maximum), strict=True)
            schema |= {keyword: bound for keyword, bound in limits if bound is not None}
        if self.kind == "string":
            schema["pattern"] = _TEXT if self.blank_allowed else _TEXT_NOT_BLANK
        if not self.required:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            schema["default"] = self.default
        schema["description"] = self.description
        return schema

    def sides(self) -> range:
        """The sides that a free size may have, in pixels."""
        assert self.kind == "size"
        return range(int(self.minimum or 0), int(self.maximum or 0) + 1, self.multiple_of or 1)

    def _sizes(self) -> str:
        return pattern_of_sizes(self.sides(), ("auto", str(self.default), *self.values))


class Harmless(msgspec.Struct, frozen=True):
    """A parameter that clients send though the model has no use for it: these values ask for what happens anyway.

    `values` None: any string will do.
    """

    name: str
    values: tuple[str | int | bool, ...] | None

    def allows(self, value: object) -> bool:
        if self.values is None:
            return isinstance(value, str)
        return any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in self.values)

    def json_schema(self) -> dict[str, Any]:
        """These values, or null, as JSON Schema."""
        if self.values is None:
            return {"type": ["string", "null"]}
        kinds = {bool: "boolean", int: "integer", str: "string"}
        return {"type": [kinds[type(self.values[0])], "null"], "enum": [*self.values, None]}


class Capabilities(msgspec.Struct, frozen=True):
    """Everything that a model supports, in the order in which it is documented."""

    parameters: tuple[Parameter, ...]
    harmless: tuple[Harmless, ...] = ()

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def as_json(self) -> dict[str, Any]:
        """The `capabilities` object of the model list."""
        shown: dict[str, Any] = {}
        for parameter in self.parameters:
            entry: dict[str, Any] = {"type": parameter.kind, "required": parameter.required}
            if not parameter.required:
                entry["default"] = parameter.default
            if parameter.values:
                entry["values"] = list(parameter.values)
            if parameter.multiple_of is not None:
                entry["multiple_of"] = parameter.multiple_of
            bounds = ("min_length", "max_length") if parameter.kind == "string" else ("minimum", "maximum")
            limits = zip(bounds, (parameter.minimum, parameter.maximum), strict=True)
            entry |= {key: bound for key, bound in limits if bound is not None}
            if parameter.max_tokens is not None:
                entry["max_tokens"] = parameter.max_tokens
            shown[parameter.name] = entry
        return {"parameters": shown}
