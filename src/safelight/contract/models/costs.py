"""What drawing costs: seconds by size and batch for one model, measured at warm-up and followed ever after."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from safelight.contract.models.stages import DECODE, PICTURE, STAGES, STEPS

# Weight of the newest measurement in the running mean: follows a machine that gets busy within some five pictures.
_NEWEST = 0.3
_REMEMBERED_SHAPES = 256
WORTH_A_WORKER = 1.25
"""Another worker holds every model once more; that must bring at least so many times the pictures."""
# Between two measured sizes, seconds are taken to go by a power of the pixels. Convolutions have 1, attention 2; fixed
# costs of a call bring it towards 0, and two noisy measurements close together could say anything.
_LEAST_POWER, _GREATEST_POWER = 0.1, 2.0
# Encoding a picture over decoding one, before it was measured: diffusers' encoders have two layers a block where their
# decoders have three.
_ENCODING_OVER_DECODING = 2 / 3


class CostPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds at one size: `step` of one step of `batch` pictures together, `once` of each stage that comes once a
    picture, by its name.

    `threads` is how many it was measured with where others were tried too; 0: as many as are fastest.
    `passes` tells apart what a step does: with a negative prompt it may take two passes where it takes one without.
    """

    pixels: int
    step: float
    once: dict[str, float] = {}
    batch: int = 1
    passes: str = ""
    threads: int = 0

    def total(self, steps: int) -> float:
        """Seconds of a picture of so many steps."""
        return steps * self.step + sum(self.once.values())

    def of(self, stage: str) -> float:
        """Seconds of that stage: of a step of it where it has steps."""
        return self.step if STAGES[stage].each_step else self.once.get(stage, 0.0)

    @property
    def longest_turn(self) -> float:
        """Seconds of the longest piece that is computed in one go."""
        return max(self.step, *self.once.values(), 0.0)


class Costs:
    """The step-time curve of one model on one device. Knows nothing but what it is told: no clock, no tensors."""

    def __init__(self, points: Iterable[CostPoint] = ()) -> None:
        self._points: OrderedDict[tuple[str, int, int], CostPoint] = OrderedDict()
        self.observed = 0
        for point in points:
            self._keep(point)

    @property
    def points(self) -> tuple[CostPoint, ...]:
        """Everything measured, oldest first."""
        return tuple(self._points.values())

    def observe(self, seen: CostPoint) -> None:
        """Learn from a picture that was drawn; a prompt that was known already cost nothing and says nothing."""
        self.observed += 1
        before = self._points.pop((seen.passes, seen.batch, seen.pixels), None)
        if before is not None:
            seen = msgspec.structs.replace(
                seen,
                step=_mean(before.step, seen.step),
                once={stage: _mean(before.of(stage), seen.of(stage)) for stage in {**before.once, **seen.once}},
            )
        self._keep(seen)

    def at(self, pixels: int, *, batch: int = 1, passes: str = "", pictures: int = 0) -> CostPoint | None:
        """What is known, or expected by the two nearest sizes, for that size; None if nothing was ever measured.
        `pictures` are so many that it is drawn from."""
        found = self._points.get((passes, batch, pixels))
        if found is not None:
            return found
        alike = [p for p in self._points.values() if p.passes == passes and p.batch == batch]
        alike = alike or [p for p in self._points.values() if p.batch == batch]
        if not alike:
            return None
        near, *others = sorted(alike, key=lambda p: abs(math.log(p.pixels / pixels)))
        other = next((p for p in others if p.pixels != near.pixels), None)
        once = {stage: _expected(near, other, pixels, stage) for stage in near.once}
        if near.passes != passes:  # it may be drawn from none, or from more
            encoding = pictures * _ENCODING_OVER_DECODING * once.get(DECODE, 0.0)
            once = {stage: seconds for stage, seconds in once.items() if stage != PICTURE}
            once |= {PICTURE: encoding} if encoding else {}
        return CostPoint(pixels=pixels, batch=batch, passes=passes, step=_scaled(near, other, pixels, STEPS), once=once)

    def _keep(self, point: CostPoint) -> None:
        self._points[point.passes, point.batch, point.pixels] = point
        if len(self._points) > _REMEMBERED_SHAPES:
            self._points.popitem(last=False)


def _mean(before: float, now: float) -> float:
    return before + _NEWEST * (now - before)


def _expected(near: CostPoint, other: CostPoint | None, pixels: int, stage: str) -> float:
    return _scaled(near, other, pixels, stage) if STAGES[stage].grows else near.of(stage)


def _scaled(near: CostPoint, other: CostPoint | None, pixels: int, stage: str) -> float:
    """Seconds at `pixels` on the power law through two points, or in proportion to the pixels of one."""
    seconds = near.of(stage)
    power = 1.0
    if other is not None and seconds > 0 and other.of(stage) > 0:
        power = math.log(seconds / other.of(stage)) / math.log(near.pixels / other.pixels)
        power = min(max(power, _LEAST_POWER), _GREATEST_POWER)
    return seconds * math.pow(pixels / near.pixels, power)
