"""At which level a worker's line is logged."""

from __future__ import annotations

import logging

import pytest

from safelight.adapters.workers.processes.process import _level_of


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("worker 12: WARNING a part was left out", logging.WARNING),
        ("worker 12: ERROR the engine stopped", logging.ERROR),
        ("worker 12: INFO warm", logging.INFO),
        ("Loading pipeline components", logging.INFO),
        ("a line that says WARNING", logging.INFO),
    ],
)
def test_a_line_has_the_level_that_the_worker_gave_it(line: str, level: int) -> None:
    assert _level_of(line) == level
