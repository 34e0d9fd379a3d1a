"""`python -m tests.hostile.kill_rounds`; see the package."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from tests.hostile.kill_rounds.pace import PACES
from tests.hostile.kill_rounds.run import run


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill and stop at random under load, and count what is left.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60.0, help="end the rounds after that, however many they were")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--engine", choices=sorted(PACES), default="fake")
    wanted = parser.parse_args()
    for ended in (signal.SIGINT, signal.SIGTERM):  # whoever ends it finds nothing left running, also in the background
        signal.signal(ended, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="safelight-kill-rounds-"))
    print(f"logs in {folder}", flush=True)
    counted = run(
        folder,
        wanted.rounds,
        wanted.seed,
        engine=wanted.engine,
        minutes=wanted.minutes,
        said=lambda text: print(text, flush=True),
    )
    print(counted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
