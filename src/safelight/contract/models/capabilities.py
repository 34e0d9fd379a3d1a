"""What a model supports: the one description that validation, the model list, OpenAPI and the studio are drawn from."""

# Tested in tests/contract/test_offers.py.

from __future__ import annotations

from typing import Any

import msgspec

from safelight.contract.models.traits import EditTraits
from safelight.contract.values.kinds import Kind, Value
from safelight.contract.values.pictures import NamedPictures
from safelight.contract.values.rules import Rule
from safelight.contract.values.wording import missing


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of the images endpoint, as one model supports it.

    No more than `max_tokens` of a text are read. `in_form` is false for what only programs send: a page has its own
    ways to say that, or none.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: Value | None = None
    max_tokens: int | None = None
    in_form: bool = True

    def value_in(self, given: dict[str, Any]) -> Any:
        """Its value in a body without nulls, or its default.

        Raises:
            InvalidRequest: it is required and not there, or its value is not allowed.
        """
        if self.name in given:
            return self.kind.read(self.name, given[self.name])
        if self.required:
            raise missing(self.name)
        return self.default

    def json_schema(self) -> dict[str, Any]:
        """This parameter as JSON Schema 2020-12 (the dialect of OpenAPI 3.1)."""
        schema = self.kind.json_schema()
        if not self.required:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            schema["default"] = self.default
        schema["description"] = self.description
        return schema

    def json_schemas(self) -> dict[str, dict[str, Any]]:
        """The fields of a body that it is, by name: nearly always one, of its own name."""
        if isinstance(self.kind, NamedPictures) and self.kind.by_form:
            return self.kind.form_fields(self.name, self.description)
        return {self.name: self.json_schema()}

    def as_json(self) -> dict[str, Any]:
        """Its entry in the model list."""
        described = self.kind.described()
        entry = {"type": described.pop("type"), "required": self.required}
        if not self.required:
            entry["default"] = self.default
        entry |= described
        if self.max_tokens is not None:
            entry["max_tokens"] = self.max_tokens
        return entry if self.in_form else entry | {"in_form": False}


class Tolerated(msgspec.Struct, frozen=True):
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
    """Everything that a model supports, in the order in which it is documented.

    `generations`: it draws from words. `edits` is what it takes of pictures, None where it draws from words alone;
    `loras` are the names that fit it, and `controls` those of its ControlNets.
    """

    parameters: tuple[Parameter, ...]
    tolerated: tuple[Tolerated, ...] = ()
    rules: tuple[Rule, ...] = ()
    edits: EditTraits | None = None
    loras: tuple[str, ...] = ()
    generations: bool = True
    controls: tuple[str, ...] = ()

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
        return {
            "parameters": {parameter.name: parameter.as_json() for parameter in self.parameters},
            "rules": msgspec.json.decode(msgspec.json.encode(self.rules)),
            "generations": self.generations,
            "edits": None if self.edits is None else _edits(self.edits),
            "loras": list(self.loras),
            "controls": list(self.controls),
        }


def _edits(edits: EditTraits) -> dict[str, Any]:
    pictures = {"minimum": edits.minimum, "maximum": edits.maximum}
    return {"pictures": pictures, "mask": edits.mask, "strength": edits.strength}
