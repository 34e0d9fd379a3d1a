"""Which model a key has chosen, for clients that choose one first and then ask without naming it."""

# Tested in tests/api/test_sdapi.py.

from __future__ import annotations

from safelight.service.ports.stores.jobs import Notes

_CHOSEN = "model of "


class ModelChoices:
    """Kept in the database, so that every server of it knows them, also after a restart."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def of(self, key_id: str) -> str | None:
        """The id of the model that a key has chosen; None where it has chosen none."""
        return await self._notes.get(f"{_CHOSEN}{key_id}")

    async def choose(self, key_id: str, model_id: str) -> None:
        """From now on that key means this model."""
        await self._notes.put(f"{_CHOSEN}{key_id}", model_id)
