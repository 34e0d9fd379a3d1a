"""Notes which lines and branches of the measured rooms tests reach: `PYTEST_PLUGINS=tests.measured pytest …`.

SlipCover writes a call at each line and branch into a room's byte code while it is imported; from Python 3.12 on it has
the interpreter tell it (`sys.monitoring`). Nothing else becomes slower. Tracing, which is all that coverage.py can do
under 3.11, slows down every line of every library, and took these tests half of their time again.

Each process of a run leaves a file beside `pyproject.toml`, and `scripts/coverage_gate.py` puts them together.
"""

from __future__ import annotations

import json
import os

import pytest
from scripts.coverage_gate import ROOT, measured_rooms, probes, reports
from slipcover import FileMatcher, ImportManager

_PROBES = probes()


def _process() -> str:
    """The name of this one. One of xdist's may have been forked from one that has none."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def _begin() -> None:
    if _process() == "main":
        for left_over in reports():
            left_over.unlink()
    ImportManager(_PROBES, FileMatcher(sources=measured_rooms())).__enter__()


# When it is imported, which is before `conftest.py`: what that imports is to be measured too.
_begin()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Leave what was seen."""
    (ROOT / f".coverage.{_process()}.json").write_text(json.dumps(_PROBES.get_coverage()))
