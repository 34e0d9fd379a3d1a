"""How far pictures in bfloat16 are from those in float32: every family, tiny, random weights, the same noise.

    python -m benchmarks.precision [--size 128] [--steps 8]

A row's figure is the PSNR of the picture, in dB, the mean over eight seeds; 40 dB is an error that nobody sees. Random
weights are the worst case there is: nothing pulls a picture back to where it should be. Families that are served in
float32 on a CPU, unless the operator says otherwise, are told apart and may be below
(`engine/checkpoint/capabilities/dtypes.py`).
"""

from __future__ import annotations

import argparse
import math
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.checkpoints.build import FAMILIES, Family
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.capabilities.dtypes import dtype_of
from safelight.engine.checkpoint.loading import describe, load
from safelight.protocol.messages import ModelSpec

TARGET_DB = 40.0
SEEDS = tuple(range(1, 9))  # a single picture may be 3 dB from the mean


def pictures(folder: Path, family: Family, dtype: Any, side: int, steps: int) -> list[NDArray[np.float64]]:
    """What the family draws from that folder in that number format, values 0 to 255."""
    model = load(ModelSpec(source=str(folder), dtype=dtype, options=ModelOptions(arguments=family.arguments)), "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    family.shrink(model.pipeline)
    found = []
    for seed in SEEDS:
        image = model.pipeline(
            prompt="a boat on a lake",
            height=side,
            width=side,
            num_inference_steps=steps,
            generator=torch.Generator("cpu").manual_seed(seed),
            **family.arguments,
            **family.call,
        )[0][0]
        found.append(np.asarray(image, dtype=np.float64))
    return found


def psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Peak signal to noise in dB, of 8-bit pictures; infinite where they are equal."""
    error = float(((a - b) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--family", choices=FAMILIES)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    below = []
    print(f"bfloat16 beside float32, {arguments.size}x{arguments.size}, {arguments.steps} steps, mean of {len(SEEDS)}")
    for name in [arguments.family] if arguments.family else FAMILIES:
        family = FAMILIES[name]
        if missing := [package for package in family.needs if find_spec(package) is None]:
            print(f"{name:22} not run: it needs {', '.join(missing)}", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(0)
            family.build().save_pretrained(folder)
            spec = ModelSpec(source=folder)
            served = dtype_of(spec, "cpu", describe(spec)[0])
            steps = arguments.steps if family.steps > 2 else family.steps
            full, half = (
                pictures(Path(folder), family, dtype, arguments.size, steps) for dtype in ("float32", "bfloat16")
            )
        each = [psnr(a, b) for a, b in zip(full, half, strict=True)]
        mean = sum(each) / len(each)
        contrast = float(np.mean([picture.std() for picture in full]))
        print(f"{name:22} {mean:6.1f} dB, served in {served} (contrast of the picture: {contrast:.0f})", flush=True)
        if mean < TARGET_DB and served == "bfloat16":
            below.append(name)
    print(f"served in bfloat16 and below {TARGET_DB:.0f} dB: {', '.join(below) or 'none'}")
    return 1 if below else 0


if __name__ == "__main__":
    raise SystemExit(main())
