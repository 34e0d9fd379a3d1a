"""Rules between parameters, as data: the parser, the OpenAPI document and the model list read the same ones.

`idle` are values with which a parameter asks for nothing, so that a rule has nothing to say to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.kinds import Value


class Needs(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule", tag="needs"):
    """Without `other` being `value`, `parameter` says nothing. `value` None: whatever it is, it must be there."""

    parameter: str
    other: str
    value: bool | None = None
    idle: tuple[Value | None, ...] = ()

    def check(self, values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Judge values, defaults filled in; `given` are those that were sent.

        Raises:
            InvalidRequest: they break the rule.
        """
        if values[self.parameter] in self.idle or self._is_fulfilled(values[self.other]):
            return
        wanted = "" if self.value is None else f": {msgspec.json.encode(self.value).decode()}"
        raise InvalidRequest(f"`{self.parameter}` needs `{self.other}{wanted}`.", param=self.parameter)

    def _is_fulfilled(self, value: object) -> bool:
        return bool(value) if self.value is None else value == self.value

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of a body that keeps the rule."""
        there = {"type": "object", "minProperties": 1} if self.value is None else {"const": self.value}
        fulfilled: dict[str, Any] = {"properties": {self.other: there}, "required": [self.other]}
        if self.value is False:  # what is absent, or null, is false
            fulfilled = {"properties": {self.other: {"enum": [False, None]}}}
        idle = list(dict.fromkeys([*self.idle, None]))
        return {"anyOf": [{"properties": {self.parameter: {"enum": idle}}}, fulfilled]}


class Excludes(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule", tag="excludes"):
    """`parameter` and `other` say the same thing; `why` is the sentence that says so."""

    parameter: str
    other: str
    why: str
    idle: tuple[Value, ...] = ()

    def check(self, values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """As `Needs.check`."""
        if self.other in given and values[self.parameter] not in self.idle:
            raise InvalidRequest(f"{self.why} Send it or `{self.other}`, not both.", param=self.parameter)

    def json_schema(self) -> dict[str, Any]:
        """As `Needs.json_schema`."""
        absent = {"properties": {self.other: {"type": "null"}}}
        return {"anyOf": [absent, {"properties": {self.parameter: {"enum": [*self.idle, None]}}}]}


class OnlyFor(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule", tag="only_for"):
    """`parameter` is for these values of `other`; `why` says what is so of any other value, which is its subject."""

    parameter: str
    other: str
    values: tuple[str, ...]
    why: str
    idle: tuple[Value, ...] = ()

    def check(self, values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """As `Needs.check`."""
        value, other = values[self.parameter], values[self.other]
        if value is not None and value not in self.idle and other not in self.values:
            raise InvalidRequest(
                f"`{self.parameter}` is for {' and '.join(self.values)}; {other} {self.why}", param=self.parameter
            )

    def json_schema(self) -> dict[str, Any]:
        """As `Needs.json_schema`."""
        fitting = {"properties": {self.other: {"enum": list(self.values)}}, "required": [self.other]}
        return {"anyOf": [{"properties": {self.parameter: {"enum": [*self.idle, None]}}}, fitting]}


Rule = Needs | Excludes | OnlyFor
IN_ORDER: tuple[type[Rule], ...] = (Needs, Excludes, OnlyFor)
"""What is missing is said first, then what is too much, then what does not fit."""
