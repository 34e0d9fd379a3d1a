"""openai-python 2, which much still uses, beside the newest: the same tests, with it found first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BESIDE = ROOT / ".venv" / "openai-2"
LOCK = ROOT / "requirements" / "openai-2.txt"
# pytest takes in every plugin that is installed, and some import half a library: these alone are asked for.
PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_asyncio.plugin,pytest_timeout"}
TESTS = ("test_openai_python.py", "test_openai_python_retries.py", "test_edits.py")


@pytest.mark.skipif(not BESIDE.exists(), reason=f"{BESIDE} is missing: `make test` installs it")
def test_openai_python_2_passes_the_same_tests() -> None:
    environment = os.environ | {"PYTHONPATH": str(BESIDE)}
    version = subprocess.run(
        [sys.executable, "-c", "import openai; print(openai.__version__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"openai=={version.stdout.strip()} " in LOCK.read_text()
    tests = [str(Path(__file__).parent / name) for name in TESTS]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "openai and not node"],
        env=environment | PLUGINS,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    passed = re.search(r"(\d+) passed", ran.stdout) or re.search(r"^(\.{5,}).*100%", ran.stdout, re.M)
    assert passed is not None, ran.stdout
