"""Python programs in processes of their own, on the same state folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROLOGUE = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from safelight.adapters.sql import open_database
from safelight.adapters.home.state_folder import first_key
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys
HOME = Path(sys.argv[1])
"""


def start(program: str, home: Path) -> subprocess.Popen[str]:
    """Start `program`, which finds the names of the prologue and `HOME`; its output can be read as it comes."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", _PROLOGUE + program, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output_of(process: subprocess.Popen[str]) -> str:
    """Wait for the end, which must be a good one."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out
