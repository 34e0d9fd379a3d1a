"""What is done between SIGTERM and the end fits into `drain_seconds`."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.service.drawing.capacity.readiness import Readiness
from safelight.settings.draining import draining


@pytest.mark.parametrize("seconds", [0.0, 1.0, 4.0, 30.0, 3600.0])
def test_all_parts_together_take_the_seconds_that_there_are(seconds: float) -> None:
    parts = astuple(draining(seconds))
    assert sum(parts) == pytest.approx(seconds)
    assert min(parts) >= 0.0


async def test_a_server_that_leaves_takes_pictures_until_it_drains() -> None:
    readiness = Readiness(FakeEngine(("postcard",)))
    assert not readiness.leaving
    readiness.leave()
    assert (readiness.leaving, readiness.draining) == (True, False)
    readiness.drain()
    assert (readiness.leaving, readiness.draining) == (True, True)


def test_with_much_time_nearly_all_of_it_is_for_drawing() -> None:
    assert draining(300.0).drawing == 289.0
