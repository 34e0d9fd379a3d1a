"""All that only a GPU can show, in one command: what the code promises there, and how fast it is.

    python -m benchmarks.gpu [--models sdxl sd35-large flux1-dev]

First the tests: every family held to its contract on the device, in float32 and in bfloat16 (exact alone, in
company and beside a cancelled run), and those that are skipped elsewhere. Then each architecture at full size and at
1024x1024 with random weights, beside diffusers as in its README, at its best and compiled: seconds a step, and the part
of the rate that large bfloat16 products reach on the device. FLUX.1 and Stable Diffusion 3.5 Large need 40 GB of the
device's memory and as much on the disk for temporary files; one checkpoint is there at a time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import torch

MODELS = ("sdxl", "sd35-large", "flux1-dev")


def tests(dtype: str) -> int:
    """The exit status of the tests that depend on the device."""
    chosen = {"TEST_DEVICE": "cuda:0", "TEST_DTYPE": dtype}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/engine/families"]
    if dtype == "float32":
        command += ["tests/engine/test_pace.py", "tests/engine/test_host_memory.py"]
    print(f"families on {torch.cuda.get_device_name()}, {dtype}", flush=True)
    return subprocess.run(command, env=os.environ | chosen).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=MODELS, choices=MODELS)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} finds no NVIDIA GPU here. Install a CUDA build of it beside Safelight.")
        return 2
    failed = [tests("float32"), tests("bfloat16")]
    for model in arguments.models:
        command = [sys.executable, "-m", "benchmarks.peers", "--model", model, "--device", "cuda", "--compiled"]
        failed.append(subprocess.run([*command, "--steps", "20"]).returncode)
    return max(failed)


if __name__ == "__main__":
    raise SystemExit(main())
