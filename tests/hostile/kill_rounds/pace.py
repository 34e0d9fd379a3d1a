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
PACES = {"fake": Pace(0.4, 0.2, 1.5, 300.0), "local": Pace(15.0, 4.0, 16.0, 1800.0)}
