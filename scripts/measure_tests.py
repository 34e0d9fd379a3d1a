"""How much processor time each folder of tests takes: user and system, of pytest and of all that it started.

    python scripts/measure_tests.py [tests/api tests/studio …] [--processes 2]

Each folder and file is run by itself, one after another; nothing is named to mean all of them. Wall time depends on who
else uses the machine, processor time much less. On Linux a process whose parent ended without waiting for it is counted
too, such as most of a browser's, which `time` does not see.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# linux/prctl.h: whoever is marked so becomes the parent of all below it that lose theirs.
_PR_SET_CHILD_SUBREAPER = 36
_REST_SECONDS = 30.0


def parts() -> list[str]:
    """Every folder of tests, and every test file beside them."""
    found = (ROOT / "tests").iterdir()
    return sorted(
        str(each.relative_to(ROOT))
        for each in found
        if (each.is_dir() and any(each.rglob("test_*.py"))) or each.match("test_*.py")
    )


def spent() -> float:
    """Seconds of processor time of all children that have ended, and of theirs that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(part: str, processes: int) -> tuple[float, float, bool]:
    """Processor seconds, wall seconds, and whether the tests passed."""
    before, begun = spent(), time.monotonic()
    command = [sys.executable, "-m", "pytest", part, "-q", "-n", str(processes), "--dist", "loadfile"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running.returncode = _waited_for(running.pid)
    wall = time.monotonic() - begun
    _wait_for_the_rest()
    return spent() - before, wall, running.returncode == 0


def adopt() -> None:
    """Have what is started below this process, and left alone, handed to it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _waited_for(pid: int) -> int:
    """Wait for children until that one has ended, since who is not waited for is not counted; its status."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _wait_for_the_rest() -> None:
    """Those that outlive the tests by a little. What stays is not counted."""
    patience = time.monotonic() + _REST_SECONDS
    while time.monotonic() < patience:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == 0:
            time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="folders or files; all of tests/ if none is named")
    parser.add_argument("--processes", type=int, default=2, help="of pytest, each with the others' part of the files")
    chosen = parser.parse_args()
    adopt()
    total, failed = 0.0, 0
    for part in chosen.parts or parts():
        processor, wall, passed = measure(part, chosen.processes)
        total, failed = total + processor, failed + (not passed)
        print(f"{part:40}{processor:8.1f} s of a processor{wall:8.1f} s{'' if passed else '   FAILED'}", flush=True)
    print(f"{'all':40}{total:8.1f} s of a processor")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
