"""The models that are offered: ids, aliases, what each supports and which model really draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from safelight.contract.capabilities import Capabilities
from safelight.contract.errors import InvalidRequest


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue.

    `source` names what the engine loads (`"postcard"` or a checkpoint folder); `drawn_by` is what callers are told.
    `steps` and `guidance_scale` are what the model is run with; None leaves it to the checkpoint.
    """

    id: str
    source: str
    drawn_by: str
    capabilities: Capabilities
    aliases: tuple[str, ...] = ()
    created: int = 0
    steps: int | None = None
    guidance_scale: float | None = None


class Catalogue:
    """The models on offer, found by id or alias."""

    def __init__(self, entries: Iterable[ModelEntry]) -> None:
        self._entries = tuple(entries)
        self._by_name = {name: entry for entry in self._entries for name in (entry.id, *entry.aliases)}

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: str) -> ModelEntry | None:
        """The entry with that id or alias."""
        return self._by_name.get(name)

    def find(self, name: str) -> ModelEntry:
        """Like `get`, for a request.

        Raises:
            InvalidRequest: `model_not_found`, naming what is offered.
        """
        entry = self._by_name.get(name)
        if entry is None:
            offered = ", ".join(sorted(self._by_name))
            shown = repr(name) if len(name) <= 100 else f"a name of {len(name)} characters"
            raise InvalidRequest(
                f"There is no model {shown} here. Models: {offered}.", code="model_not_found", param="model"
            )
        return entry
