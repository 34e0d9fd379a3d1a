"""Where a run's seconds go."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from safelight.contract.models.stages import STEPS
from safelight.protocol.times import StageSpan, Timings


@dataclass
class StageTimes:
    """Where a run's seconds went, by stage. A turn is a component's call and what the pipeline does until the next.

    `clock` gives Unix seconds. A device may run a turn behind (`machine/pace.py`): a stage's end is known to a turn.
    """

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    steps: list[float] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    _begun: dict[str, float] = field(default_factory=dict)
    _ended: dict[str, float] = field(default_factory=dict)
    _since_step: float = 0.0

    def of(self, stage: str) -> float:
        """Seconds in that stage so far."""
        return self.seconds.get(stage, 0.0)

    def turn(self, stage: str, seconds: float, *, stepped: bool) -> None:
        """Note a turn that has just ended; `stepped` when the scheduler took a step in it."""
        self.seconds[stage] += seconds
        self._ended[stage] = now = self.clock()
        self._begun.setdefault(stage, now - seconds)
        if stage == STEPS:
            self._since_step += seconds
        if stepped:
            self.steps.append(self._since_step)
            self._since_step = 0.0

    def spans(self) -> tuple[StageSpan, ...]:
        """Each stage from its first turn to its last, in the order in which they began."""
        return tuple(
            StageSpan(stage, begun, self._ended[stage], self.seconds[stage]) for stage, begun in self._begun.items()
        )

    def timings(self, total: float, image_encode: float) -> Timings:
        """`total` is seconds from the job's arrival to its picture, the file's encoding left out."""
        wait = max(0.0, total - sum(self.seconds.values()))
        return Timings(wait=wait, stages=dict(self.seconds), image_encode=image_encode, steps=tuple(self.steps))
