"""What a run leaves in the temp folder when it has used a PostgreSQL: nothing, and nothing of runs that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.postgres import binaries

ROOT = Path(__file__).parents[1]
USING = "from benchmarks.postgres import new_server\nwith new_server() as server: print(server.folder, flush=True)"


def test_a_run_that_ends_leaves_no_folder_nor_does_one_that_was_killed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    monkeypatch.delenv("TESTS_RUN", raising=False)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with tempfile.TemporaryDirectory(prefix="temp-", dir="/tmp") as place:  # PostgreSQL's user may go in
        folder = Path(place)
        folder.chmod(0o755)
        (folder / f"safelight-pg-{dead.pid}-abc" / "data").mkdir(parents=True)
        (folder / f"safelight-initdb-{dead.pid}").mkdir()
        (folder / f"safelight-initdb-{dead.pid}.lock").touch()
        (folder / f"safelight-pg-{os.getpid()}-abc").mkdir()  # a run that is under way
        monkeypatch.setenv("TMPDIR", place)
        ran = subprocess.run([sys.executable, "-c", USING], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(place)
        assert os.listdir(folder) == [f"safelight-pg-{os.getpid()}-abc"]
