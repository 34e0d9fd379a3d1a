"""How fast callers ask and rounds follow each other: as fast as the engine draws."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds: between a caller's jobs on average, between rounds at least and at most, until all has ended."""

    caller: float
    least: float
    most: float
    quiet: float


# The fake engine draws a picture in half a second and starts at once. Postcard takes seconds, and a worker that was
# killed must load it anew: were it disturbed as often, nothing would ever be drawn.
# Over Ray there are several that draw.
PACES = {
    "fake": Pace(0.4, 0.2, 1.5, 300.0),
    "local": Pace(15.0, 4.0, 16.0, 1800.0),
    "ray": Pace(4.0, 1.0, 6.0, 1800.0),
    "ray-fake": Pace(0.6, 0.2, 2.0, 300.0),
}
