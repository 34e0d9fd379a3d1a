"""A test that hangs is ended and named, whatever it does with exceptions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
# pytest takes in every plugin that is installed, and some import half a library: these alone are asked for.
_PLUGINS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "xdist.plugin,pytest_asyncio.plugin,pytest_timeout",
}
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


def test_a_test_that_waits_in_vain_fails_where_it_waits(tmp_path: Path) -> None:
    waits = "import asyncio\n\nasync def test_waits() -> None:\n    await asyncio.Event().wait()\n"
    # Its process is ended 6 s after the test was: a busy machine has to write the report before that.
    done = _run(tmp_path, waits, seconds=20)
    assert done.returncode == 1
    assert "test_made.py:4: in test_waits" in done.stdout
    assert "TimeoutError" in done.stdout


def test_a_test_that_swallows_its_timeout_is_ended_and_named(tmp_path: Path) -> None:
    done = _run(tmp_path, _TESTS)
    assert done.returncode == 1
    assert "crashed while running" in done.stdout
    assert "test_made.py::test_hangs" in done.stdout
    assert "Timeout (0:00:11)" in done.stderr


def _run(folder: Path, tests: str, seconds: int = 10) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_made.py").write_text(tests)
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", str(_ROOT / "pyproject.toml"), f"--rootdir={folder}"),
            *("-n", "1", "--max-worker-restart=0", "--dist=loadfile", "--tb=short"),
            *("-o", f"timeout={seconds}", "-o", "hung_seconds=1", "test_made.py"),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(_ROOT)} | _PLUGINS,
        capture_output=True,
        text=True,
        timeout=300,
    )
