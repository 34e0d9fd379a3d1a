"""Models in whose loading workers ended: one that ends them again and again is not loaded any more, so others go on."""

# Tested in tests/adapters/workers/test_loads.py.

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import structlog

from safelight.protocol.messages import ModelSpec

# As many as a job may end (`pending.MAX_ATTEMPTS`).
MAX_ENDS = 3

log = structlog.get_logger(__name__)


class Loads:
    """Which models the workers are told to load, and what became of that.

    A worker that ended with nothing begun, or stuck in loading by its own account, has ended for the model. If it was
    drawing too, either may have been the cause: the model is `doubtful`, and loaded with nothing drawn beside it from
    then on, so that the next end says which it was.
    """

    def __init__(self, models: Sequence[ModelSpec]) -> None:
        self._models = tuple(models)
        self._ends: Counter[str] = Counter()
        self._doubtful: set[str] = set()

    @property
    def offered(self) -> tuple[ModelSpec, ...]:
        """What a worker that starts now is told to load."""
        return tuple(spec for spec in self._models if spec.source not in self.given_up)

    @property
    def given_up(self) -> Mapping[str, str]:
        """Models that are not loaded any more, and why. The last one is never given up: what else would be drawn?"""
        hopeless = [spec.source for spec in self._models if self._ends[spec.source] >= MAX_ENDS]
        if len(hopeless) == len(self._models):
            hopeless.pop()
        return {source: _reason(self._ends[source]) for source in hopeless}

    def is_doubtful(self, known: Collection[str]) -> bool:
        """Whether a worker that has those models may yet end for one that it lacks."""
        return any(spec.source not in known for spec in self.offered if spec.source in self._doubtful)

    def ended(self, source: str, *, certain: bool) -> bool:
        """A worker ended while it loaded that model. Returns whether the model is given up for it."""
        if not certain:
            self._doubtful.add(source)
            return False
        self._ends[source] += 1
        if source not in self.given_up:
            return False
        log.error("model_given_up", model=source, ends=self._ends[source])
        return True

    def done(self, source: str) -> None:
        """It was loaded, or refused: whatever ended workers before, it is over."""
        self._doubtful.discard(source)
        self._ends.pop(source, None)


def _reason(ends: int) -> str:
    return (
        f"The drawing process ended {ends} times in a row while it loaded this model, so it is not loaded again before "
        "the server is started anew. The server's log says how it ended."
    )
