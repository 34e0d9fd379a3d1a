"""What a run is expected to need still, by what its stages took elsewhere and here."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import STAGES, comes_before_steps
from safelight.engine.runs.stage_times import StageTimes


@dataclass(frozen=True)
class Outlook:
    """Seconds: of one step, of all that is left, of the whole picture, and of all in it that is no step."""

    step: float
    remaining: float
    total: float
    around: float


def outlook(cost: CostPoint | None, pixels: int, steps: int, step: int, stage: str, times: StageTimes) -> Outlook:
    """Of a picture that has taken `step` of `steps` and is in that stage. `cost` None: its model was never measured."""
    # Then at least long and short are known: a second a step and megapixel.
    point = cost or CostPoint(pixels=pixels, step=pixels / 1e6)
    order = list(STAGES)
    total, remaining = steps * point.step, (steps - step) * point.step
    for name in order:
        if STAGES[name].each_step:
            continue
        expected, had = point.of(name), 0.0
        if not comes_before_steps(name):
            # What takes longer than was expected is taken to need some more, or it would be the next for ever.
            had = times.of(name)
            expected = max(expected, 1.25 * had)
        if order.index(name) >= order.index(stage):
            remaining += expected - had
        total += expected
    return Outlook(point.step, remaining, total, total - steps * point.step)
