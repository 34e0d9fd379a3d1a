"""Seconds a step and a picture, batch 1, of popular architectures at full size: Safelight beside its peers.

    python -m benchmarks.peers [--model sd15|sdxl|sd35-large|flux1-dev] [--device cpu|cuda] [--side 512] [--steps 4]
        [--openvino PYTHON] [--stable-diffusion-cpp PYTHON] [--compiled]

PYTHON is an interpreter that has the peer (`openvino-genai` with `optimum-intel`, `stable-diffusion-cpp-python`): they
need other versions of the libraries than Safelight. The checkpoint (random weights, the same for all) is made once in a
temporary folder, or in `--folder`, and converted for OpenVINO; every row runs in a process of its own, so that its peak
memory is its own. The last column is the share of the operations a second that large products reach on the
device in the same run, in bfloat16, or in float32 where that is faster: there bfloat16 is emulated, and no row of
diffusers uses it. Ratios hold within one run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.measuring import measure

README = "diffusers, as in its README"
ROWS = {
    README: ("with_diffusers", "as_in_the_readme"),
    "diffusers, its fastest format and channels-last": ("with_diffusers", "at_its_best"),
    "diffusers, the same compiled": ("with_diffusers", "compiled"),
    "Safelight, nothing set": ("with_safelight", "nothing_set"),
    "Safelight, `compile = true`": ("with_safelight", "compiled"),
}


def convert(python: str, folder: Path) -> Path:
    """The checkpoint as OpenVINO wants it, weights in half precision, as its guide has it."""
    converted = folder.with_name(f"{folder.name}-openvino")
    if not (converted / "model_index.json").exists():
        begun = converted.with_name(f"{converted.name}.part")  # one that was cut writes its index first
        shutil.rmtree(begun, ignore_errors=True)
        export = ["-m", "optimum.commands.optimum_cli", "export", "openvino", "--model", str(folder)]
        _run([python, *export, "--task", "text-to-image", "--weight-format", "fp16", str(begun)])
        begun.rename(converted)
    return converted


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _row(arguments: argparse.Namespace, folder: Path, row: str) -> dict[str, float]:
    options = ["--folder", str(folder), "--device", arguments.device, "--side", str(arguments.side)]
    command = [sys.executable, "-m", "benchmarks.peers", "--row", row, *options, "--steps", str(arguments.steps)]
    return _figures(_run(command))


def _foreign(arguments: argparse.Namespace, python: str, module: str, folder: Path) -> dict[str, float]:
    options = [str(folder), str(arguments.side), str(arguments.steps), arguments.device]
    return _figures(_run([python, "-m", f"benchmarks.peers.{module}", *options]))


def _figures(output: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def _measure_row(arguments: argparse.Namespace) -> dict[str, float]:
    """In a process of its own."""
    from importlib import import_module

    if arguments.row == "limits":
        from benchmarks.peers.with_diffusers import fast_dtype, operations, products_rate

        place = arguments.folder, arguments.side, arguments.device
        return {"operations": operations(*place), "rate": products_rate(arguments.device, fast_dtype(arguments.device))}
    module, make = ROWS[arguments.row]
    draw = getattr(import_module(f"benchmarks.peers.{module}"), make)
    return measure(draw(arguments.folder, arguments.side, arguments.device), arguments.steps)


def table(arguments: argparse.Namespace, folder: Path) -> dict[str, dict[str, float]]:
    """All rows that can be run; what cannot is said and left out."""
    found = {"limits": _row(arguments, folder, "limits")}

    def note(name: str, measured: dict[str, float]) -> None:
        found[name] = measured
        print(f"{name}: {measured}", file=sys.stderr, flush=True)

    peers = {
        "OpenVINO GenAI, half precision": (arguments.openvino, "with_openvino"),
        "stable-diffusion.cpp, half precision": (arguments.stable_diffusion_cpp, "with_stable_diffusion_cpp"),
    }
    for row in ROWS:
        if "compile" in row and not arguments.compiled:
            continue
        try:
            note(row, _row(arguments, folder, row))
        except subprocess.CalledProcessError as error:
            print(f"{row} could not be run: it ended with {error.returncode}", flush=True)
    for row, (python, module) in peers.items():
        try:
            if python:
                place = convert(python, folder) if module == "with_openvino" else folder
                note(row, _foreign(arguments, python, module, place))
        except subprocess.CalledProcessError as error:
            print(f"{row} could not be run: {' '.join(error.cmd[1:4])} ended with {error.returncode}", flush=True)
    return found


def show(arguments: argparse.Namespace, title: str, found: dict[str, dict[str, float]]) -> None:
    limits = found.pop("limits")
    base = found.get(README) or next(iter(found.values()))
    device = f"{limits['rate'] / 1e12:.2f} TFLOP/s in large products"
    print(f"{title}, random weights, {arguments.side}x{arguments.side}, batch 1, {arguments.device}: {device}")
    print(f"a step is {limits['operations'] / 1e12:.2f} TFLOP")
    print("| | s/step | 20 steps, s | peak GB | speed, README = 1 | share of the rate |\n|---|---|---|---|---|---|")
    for row, at in found.items():
        share = limits["operations"] / at["step"] / limits["rate"]
        ratio = base["step"] / at["step"]
        print(f"| {row} | {at['step']:.3g} | {at['picture']:.1f} | {at['peak']:.1f} | {ratio:.2f} | {share:.0%} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15", choices=["sd15", "sdxl", "sd35-large", "flux1-dev"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, help="pixels; without, what the model draws by itself")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--stable-diffusion-cpp", metavar="PYTHON")
    parser.add_argument("--compiled", action="store_true", help="also what torch.compile makes of it")
    parser.add_argument("--folder", type=Path, help="where the checkpoint is, or is made")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(_measure_row(arguments)))
        return 0
    from benchmarks.peers.architectures import ARCHITECTURES, make

    wanted = ARCHITECTURES[arguments.model]
    arguments.side = arguments.side or wanted.side
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / arguments.model
        if not (folder / "model_index.json").exists():
            make(arguments.model, folder, arguments.device)
        show(arguments, wanted.title, table(arguments, folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
