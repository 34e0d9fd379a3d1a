"""How the seconds between SIGTERM and the end are spent: all that is done then fits into `drain_seconds`."""

# Tested in tests/service/test_draining.py.

from __future__ import annotations

from dataclasses import dataclass

# Each part takes a share, up to a bound: writing rows and files down takes milliseconds, sending an answer of some
# megabytes over a slow line seconds.
_SHARE = 0.2
_MOST_SECONDS = 5.0
_CLOSING_SHARE = 0.1
_MOST_CLOSING_SECONDS = 1.0


@dataclass(frozen=True)
class Draining:
    """Seconds for drawing on, for recording what was drawn, for answers on their way, and for closing the database."""

    drawing: float
    recording: float
    farewell: float
    closing: float


def draining(seconds: float) -> Draining:
    """Share out `drain_seconds`."""
    part = min(_MOST_SECONDS, seconds * _SHARE)
    closing = min(_MOST_CLOSING_SECONDS, seconds * _CLOSING_SHARE)
    return Draining(drawing=seconds - 2 * part - closing, recording=part, farewell=part, closing=closing)
