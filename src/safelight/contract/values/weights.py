"""The kind of parameter that is a weight for each of some names, as of LoRAs."""

# Tested in tests/contract/test_kinds.py.

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.wording import quoted_name, wrong


class Weights(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="weights"):
    """A weight within bounds for some of `names`, at most `most` of them; `of` says what they are names of.

    `defaults` are what names count where null stands in place of a weight: each as `names`, 1 where there are none.
    """

    names: tuple[str, ...]
    of: str
    most: int
    minimum: float
    maximum: float
    defaults: tuple[float, ...] = ()

    typed: ClassVar[type[Any]] = str

    def read(self, name: str, value: object) -> dict[str, float]:
        """As `Text.read`; weights in the order in which they were given, the default of a name in place of null."""
        if not isinstance(value, dict):
            raise wrong(name, f'an object like {{"{self._example}": 0.8}}', value)
        for called in value:
            if called not in self.names:
                raise InvalidRequest(f"`{name}` names {_shown_name(called)}. {self._fitting}", param=name)
        if len(value) > self.most:
            raise InvalidRequest(f"`{name}` takes at most {self.most} names; {len(value)} came.", param=name)
        for called, given in value.items():
            is_number = isinstance(given, int | float) and not isinstance(given, bool)
            if given is not None and not (is_number and self.minimum <= given <= self.maximum):
                allowed = f"a number from {self.minimum:g} to {self.maximum:g} for {called}"
                raise wrong(name, f"{allowed}, or null for {self._default(called):g}", given)
        return {called: self._default(called) if given is None else float(given) for called, given in value.items()}

    def _default(self, called: str) -> float:
        return self.defaults[self.names.index(called)] if self.defaults else 1.0

    @property
    def _example(self) -> str:
        return self.names[0] if self.names else "NAME"

    @property
    def _fitting(self) -> str:
        return f"{self.of} that fit this model: {', '.join(self.names) or 'none'}."

    def from_text(self, text: str) -> object:
        """As `Text.from_text`: a JSON object."""
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return text

    def json_schema(self) -> dict[str, Any]:
        """As `Text.json_schema`."""
        weight = {"type": ["number", "null"], "minimum": self.minimum, "maximum": self.maximum}
        return {
            "type": "object",
            "properties": {called: weight | {"default": self._default(called)} for called in self.names},
            "additionalProperties": False,
            "maxProperties": self.most,
        }

    def described(self) -> dict[str, Any]:
        """As `Text.described`."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        weights = {called: self._default(called) for called in self.names}
        said = {"type": "weights", "names": list(self.names), "weights": weights, "of": self.of, "most": self.most}
        return said | bounds

    def words(self) -> str:
        """As `Text.words`."""
        return f"weights from {self.minimum:g} to {self.maximum:g} of {' '.join(self.names) or 'none here'}"


def _shown_name(name: str) -> str:
    return f"`{quoted_name(name)}`, which is not known or does not fit"
