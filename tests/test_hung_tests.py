"""A test that hangs is ended and named, whatever it does with exceptions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_CONFTEST = """
from tests.hung import *
from tests.hung import declare as pytest_addoption
"""
_TESTS = """
import asyncio

async def _never() -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except BaseException:
            pass

async def test_hangs() -> None:
    await _never()
"""


def test_a_test_that_swallows_its_timeout_is_ended_and_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_made.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-c", str(_ROOT / "pyproject.toml"), f"--rootdir={tmp_path}", "-n", "1"]
    seconds = ["-o", "timeout=1", "-o", "hung_seconds=3"]
    done = subprocess.run(
        [*command, *seconds, "--max-worker-restart=0", "--dist=loadfile", "test_made.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "crashed while running" in done.stdout
    assert "test_made.py::test_hangs" in done.stdout
    assert "Timeout (0:00:03)" in done.stderr
    assert done.returncode == 1
