"""A test that is disturbed once does not end a run, and is not forgotten; one with a fault does end it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_look import MOST

_ROOT = Path(__file__).parent.parent
# pytest takes in every plugin that is installed, and some import half a library: 1.7 of 2.0 s of each process here.
_NO_OTHERS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
_TESTS = """
import pathlib, pytest

@pytest.mark.parametrize("number", range({disturbed}))
def test_disturbed(number):
    seen = pathlib.Path(__file__).with_name(f"seen_{{number}}")
    if not seen.exists():
        seen.touch()
        raise AssertionError(f"disturbed {{number}}")

def test_sound():
    assert {sound}
"""


@pytest.mark.parametrize(
    ("disturbed", "sound", "passes"), [(0, True, True), (1, True, True), (0, False, False), (MOST + 1, True, False)]
)
@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_fails_once_is_shown_and_what_fails_twice_or_often_fails(
    tmp_path: Path, workers: str, disturbed: int, sound: bool, passes: bool
) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.format(disturbed=disturbed, sound=sound))
    plugins = ["-p", "xdist", "-p", "pytest_rerunfailures", "-p", "tests.second_look"]
    options = ["--reruns", "1", "-n", workers, "-c", "/dev/null"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, "--rootdir", str(tmp_path), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(_ROOT)} | _NO_OTHERS,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode == 0) is passes, ran.stdout
    for number in range(disturbed):
        assert f"AssertionError: disturbed {number}" in ran.stdout
    assert ("failed once, and at most" in ran.stdout) is (disturbed > MOST)
