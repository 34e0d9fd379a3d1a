"""What a run is expected to need still, by what its stages took elsewhere and here."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from dataclasses import dataclass

from safelight.contract.costs import CostPoint
from safelight.engine.runs.stage_times import StageTimes
from safelight.scheduling.policy import Stage


@dataclass(frozen=True)
class Outlook:
    """Seconds: of one step, of all that is left, and of the whole picture."""

    step: float
    remaining: float
    total: float


def outlook(cost: CostPoint | None, pixels: int, steps: int, step: int, stage: Stage, times: StageTimes) -> Outlook:
    """Of a picture that has taken `step` of `steps` and is in that stage. `cost` None: its model was never measured."""
    # Then at least long and short are known: a second a step and megapixel.
    point = cost or CostPoint(pixels=pixels, step=pixels / 1e6)
    # What decodes for longer than was expected is taken to need some more, or it would be the next for ever.
    decode = max(point.decode, 1.25 * times.of("decode"))
    left = (steps - step) * point.step + decode - times.of("decode")
    encoding = point.encode_prompt if stage == "encode_prompt" else 0.0
    return Outlook(point.step, left + encoding, point.total(steps) + decode - point.decode)
