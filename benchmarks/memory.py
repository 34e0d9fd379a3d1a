"""Whether memory returns to where it was: pictures drawn and pictures cancelled, 200 of each, by a model at full size.

    python -m benchmarks.memory [--model sd15] [--runs 200] [--side 128] [--folder FOLDER]

Resident memory of the process that draws, after the first 20 of each and after all. Random weights; the checkpoint is
made in a temporary folder, or in FOLDER if it is not there. The target: not a megabyte in ten pictures.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from pathlib import Path

import psutil

from safelight.engine.machine.device import prepare

WARM = 20
STEPS = 2
TARGET_MIB_A_PICTURE = 0.1


def resident_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1024**2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    prepare(threads=0)
    from benchmarks.engine import Engine, job
    from benchmarks.peers.architectures import make

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / arguments.model
        if not (folder / "model_index.json").exists():
            make(arguments.model, folder, "cpu")
        engine = Engine(source=str(folder))
        found: list[float] = []
        for number in range(WARM + arguments.runs):
            if number == WARM:
                found.append(resident_mib())
            size = {"width": arguments.side, "height": arguments.side}
            asked = size | {"source": str(folder), "seed": number, "prompt": f"a lighthouse {number}"}
            engine.draw([job(f"drawn {number}", STEPS, "a", **asked)])
            engine.cancelled(job(f"cancelled {number}", 10, "a", **asked))
        found.append(resident_mib())
    growth = (found[1] - found[0]) / arguments.runs
    print(f"{arguments.model}, {arguments.side}x{arguments.side}, resident: {found[0]:.0f} MiB after {WARM} of each,")
    print(f"{found[1]:.0f} MiB after {arguments.runs} more of each: {growth * 1024:+.0f} KiB a picture")
    return 0 if growth < TARGET_MIB_A_PICTURE else 1


if __name__ == "__main__":
    raise SystemExit(main())
