"""`safelight generate` by a running server beside `--in-process`, in turns, medians.

    python -m benchmarks.generate [--rounds 5]

Postcard at 1024x1024, a process each time, as a person calls it. The target: by the server it takes half the time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import KEY, free_port, serving

_TARGET_SHARE = 0.5


def seconds(folder: str, *options: str, **variables: str) -> float:
    """Of one call, from the start of its process to its end."""
    command = [sys.executable, "-P", "-m", "safelight", "generate", "a lighthouse above the sea at dusk", "--seed", "7"]
    begun = time.perf_counter()
    ran = subprocess.run(
        [*command, "-o", str(Path(folder) / "picture.png"), *options],
        env=os.environ | variables,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    assert ran.returncode == 0
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds, port = parser.parse_args().rounds, free_port()
    with tempfile.TemporaryDirectory() as folder, serving(port):
        asking = ("--url", f"http://127.0.0.1:{port}", "--key", KEY)
        pairs = [
            (seconds(folder, *asking), seconds(folder, "--in-process", SAFELIGHT_HOME=folder)) for _ in range(rounds)
        ]
    by_server, in_process = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = by_server / in_process
    print(f"by the server {by_server:.2f} s, in process {in_process:.2f} s: a share of {share:.2f}")
    return 0 if share <= _TARGET_SHARE else 1


if __name__ == "__main__":
    raise SystemExit(main())
