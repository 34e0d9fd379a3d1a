"""The models that are offered: ids, aliases, what each supports and which model really draws it."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Capabilities
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.offers import capabilities_of
from safelight.contract.parameters.calls import Call

DRAWS = "draws pictures (POST /v1/images/generations)"
CHATS = "chats (POST /v1/chat/completions)"
EMBEDS = "turns texts into vectors (POST /v1/embeddings)"
"""What kinds of models do, as the end of a sentence."""


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue.

    `source` names what the engine loads (`"postcard"` or a checkpoint folder); `drawn_by` is what callers are told.
    `traits` is what the checkpoint can do, None while the engine has not described it.
    """

    id: str
    source: str
    drawn_by: str
    terms: OperatorTerms = OperatorTerms()
    aliases: tuple[str, ...] = ()
    created: int = 0
    traits: Traits | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What it supports of those who ask with words alone, as far as is known."""
        return self.capabilities_for("generate")

    def capabilities_for(self, call: Call) -> Capabilities:
        """What it supports of those who ask in that way, as far as is known."""
        return capabilities_of(self.terms, self.traits, call)

    @property
    def takes_pictures(self) -> bool:
        """Whether it can be asked for edits, as far as is known."""
        return self.terms.contract == "open" and self.traits is not None and self.traits.edits is not None

    @property
    def draws_from_words(self) -> bool:
        """Whether words alone are enough for it."""
        return self.traits is None or self.traits.draws_from_words


class Catalogue:
    """The models that draw, found by id or alias. `traits_of` gives what the engine knows of a source by now. `others`
    are models of other kinds: what each does, as the end of a sentence.
    """

    def __init__(
        self,
        entries: Iterable[ModelEntry],
        traits_of: Callable[[str], Traits | None] = lambda source: None,
        others: Mapping[str, str] | None = None,
    ) -> None:
        self._others = others or {}
        self._entries = tuple(entries)
        self._traits_of = traits_of
        self._by_name = {name: entry for entry in self._entries for name in (entry.id, *entry.aliases)}

    def __iter__(self) -> Iterator[ModelEntry]:
        return (self._described(entry) for entry in self._entries)

    def get(self, name: str) -> ModelEntry | None:
        """The entry with that id or alias."""
        entry = self._by_name.get(name)
        return None if entry is None else self._described(entry)

    def kind(self, name: str) -> str | None:
        """What the model of that name does, of whichever kind, as the end of a sentence; None where there is none."""
        return DRAWS if name in self._by_name else self._others.get(name)

    def find(self, name: str) -> ModelEntry:
        """Like `get`, for a request.

        Raises:
            InvalidRequest: `model_not_found`, naming what is offered, or `unsupported_operation` for one that does
                not draw.
        """
        entry = self.get(name)
        if entry is None and name in self._others:
            raise InvalidRequest(
                f"The model {name} {self._others[name]}, and draws no pictures. Models that do: "
                f"{', '.join(sorted(self._by_name))}.",
                code="unsupported_operation",
                param="model",
            )
        if entry is None:
            offered = ", ".join(sorted(self._by_name))
            shown = repr(name) if len(name) <= 100 else f"a name of {len(name)} characters"
            raise InvalidRequest(
                f"There is no model {shown} here. Models: {offered}.", code="model_not_found", param="model"
            )
        return entry

    def _described(self, entry: ModelEntry) -> ModelEntry:
        return (
            entry if entry.traits is not None else msgspec.structs.replace(entry, traits=self._traits_of(entry.source))
        )
