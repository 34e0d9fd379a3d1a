"""Which drawings are under way for which key."""

# Tested in tests/api/test_job_ends.py.

from __future__ import annotations

from safelight.contract.errors import ApiError
from safelight.service.drawing.drawing import Drawing


class DrawingsByKey:
    """Drawings from their beginning until they are left."""

    def __init__(self) -> None:
        self._drawings: dict[str, set[Drawing]] = {}

    @property
    def owners(self) -> set[str]:
        """The keys for which something is drawn."""
        return set(self._drawings)

    def add(self, key_id: str, drawing: Drawing) -> None:
        """It has begun."""
        self._drawings.setdefault(key_id, set()).add(drawing)

    def remove(self, key_id: str, drawing: Drawing) -> None:
        """It was left."""
        self._drawings[key_id].discard(drawing)
        if not self._drawings[key_id]:
            del self._drawings[key_id]

    def refuse(self, key_id: str, why: ApiError) -> None:
        """Tell those who wait for pictures with that key this instead of the pictures."""
        for drawing in self._drawings.get(key_id, ()):
            drawing.refuse(why)
