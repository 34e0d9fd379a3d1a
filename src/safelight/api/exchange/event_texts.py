"""What an update says, encoded once for all who watch."""

# Tested in tests/api/test_job_events.py.

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from safelight.contract.records.jobs import JobUpdate

# Those who watch take an update in the same turns of the loop: the last few are enough. A preview has some 10 kB.
_KEPT = 64


class EventTexts:
    """The last few updates as bytes. Watchers of different `root`, the start of the addresses, are told other ones."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[int, str], tuple[JobUpdate, bytes]] = OrderedDict()

    def of(self, update: JobUpdate, root: str, encode: Callable[[], bytes]) -> bytes:
        """The bytes of that very update; `encode` makes them for whoever asks first."""
        key = (id(update), root)  # the update is kept beside its text, so that its id is not another's
        if key not in self._texts:
            self._texts[key] = (update, encode())
            if len(self._texts) > _KEPT:
                self._texts.popitem(last=False)
        return self._texts[key][1]
