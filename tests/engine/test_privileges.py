"""What a process gives up, seen from outside: it is for good, so a process of its own does it."""

from __future__ import annotations

import subprocess
import sys

import pytest

GIVE_UP_AND_RUN = """
import pathlib, subprocess, sys
from safelight.engine.machine.privileges import take_no_new_privileges
read = "import pathlib; print(pathlib.Path('/proc/self/status').read_text())"
take_no_new_privileges()
subprocess.run([sys.executable, "-c", read], check=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has no_new_privs")
def test_what_such_a_process_starts_gains_no_rights_either() -> None:
    status = subprocess.run([sys.executable, "-c", GIVE_UP_AND_RUN], capture_output=True, text=True, check=True)
    assert "NoNewPrivs:\t1\n" in status.stdout
    assert status.stderr == ""
