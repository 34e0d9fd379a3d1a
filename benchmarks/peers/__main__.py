"""Seconds a step and a picture, batch 1, of popular architectures at full size: Safelight beside its peers.

    python -m benchmarks.peers [--model sd15|sdxl|sd35-large|flux1-dev] [--device cpu|cuda] [--side 512] [--steps 4]
        [--openvino PYTHON] [--stable-diffusion-cpp PYTHON] [--compiled] [--rounds 3] [--only PART]

PYTHON is an interpreter that has the peer (`openvino-genai` with `optimum-intel`, `stable-diffusion-cpp-python`): they
need other versions of the libraries than Safelight. What this machine cannot run is said and left out. The checkpoint
(random weights, the same for all) is made once in a temporary folder, or in `--folder`, and converted for OpenVINO;
every row runs in a process of its own, so that its peak memory is its own. The last column is the share of the
operations a second that large products reach on the device in the same run, in bfloat16, or in float32 where that is
faster: there bfloat16 is emulated, and no row of diffusers uses it. Ratios hold within one run; beside other programs
compare the processor's seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

from benchmarks.peers.measuring import ROUNDS, measure

README = "diffusers, as in its README"
ROWS = {
    README: ("with_diffusers", "as_in_the_readme"),
    "diffusers, its fastest format and channels-last": ("with_diffusers", "at_its_best"),
    "diffusers, the same compiled": ("with_diffusers", "compiled"),
    "Safelight, nothing set": ("with_safelight", "nothing_set"),
    "Safelight, float32": ("with_safelight", "in_float32"),
    "Safelight, float32-packed": ("with_safelight", "packed"),
    "Safelight, `compile = true`": ("with_safelight", "compiled"),
}
FOREIGN = {
    "OpenVINO GenAI, half precision": ("openvino", "with_openvino", "openvino_genai"),
    "stable-diffusion.cpp, half precision": (
        "stable_diffusion_cpp",
        "with_stable_diffusion_cpp",
        "stable_diffusion_cpp",
    ),
}
_FLOAT32_BYTES, _BESIDE = 4, 1.3  # activations and libraries beside the weights


def impossible(row: str, folder: Path, device: str) -> str | None:
    """Why a row cannot be run on this machine; None where it can, as far as can be told before."""
    if device != "cpu":
        return "it is a processor's alone" if "packed" in row else None
    # The rows that hold the weights in float32, whatever they were saved in.
    whole = row == README or "float32" in row
    needs = _BESIDE * sum(_weights(file, _FLOAT32_BYTES if whole else 2) for file in folder.rglob("*.safetensors"))
    has = _free_bytes()
    if has is not None and needs > has:
        return f"it needs some {needs / 1e9:.0f} GB of memory, and {has / 1e9:.0f} are free"
    return None


def _weights(file: Path, each: int) -> float:
    """Bytes of a file's weights with so many for each."""
    with safe_open(file, "pt") as tensors:
        return float(sum(each * math.prod(tensors.get_slice(name).get_shape()) for name in [*tensors.keys()]))


def _free_bytes() -> int | None:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # another system than Linux
        return ""


def _has(python: str, module: str) -> bool:
    """Whether that interpreter has the peer, whose libraries need not be those that it was built for."""
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


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
    lengths = ["--steps", str(arguments.steps), "--rounds", str(arguments.rounds)]
    return _figures(_run([sys.executable, "-m", "benchmarks.peers", "--row", row, *options, *lengths]))


def _foreign(arguments: argparse.Namespace, python: str, module: str, folder: Path) -> dict[str, float]:
    options = [str(folder), str(arguments.side), str(arguments.steps), arguments.device, str(arguments.rounds)]
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
    return measure(draw(arguments.folder, arguments.side, arguments.device), arguments.steps, arguments.rounds)


def table(arguments: argparse.Namespace, folder: Path) -> dict[str, dict[str, float]]:
    """All rows that can be run; what cannot is said and left out."""
    found = {"limits": _row(arguments, folder, "limits")}

    def note(name: str, measured: dict[str, float]) -> None:
        found[name] = measured
        print(f"{name}: {measured}", file=sys.stderr, flush=True)

    for row in ROWS:
        if ("compile" in row and not arguments.compiled) or (arguments.only or "") not in row:
            continue
        why = impossible(row, folder, arguments.device)
        if why is not None:
            print(f"{row} is not run: {why}", flush=True)
            continue
        try:
            note(row, _row(arguments, folder, row))
        except subprocess.CalledProcessError as error:
            print(f"{row} could not be run: it ended with {error.returncode}", flush=True)
    for row, (option, module, needed) in FOREIGN.items():
        python = getattr(arguments, option)
        if not python or (arguments.only or "") not in row:
            continue
        if not _has(python, needed):
            print(f"{row} is not run: {python} cannot import {needed}", flush=True)
            continue
        try:
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
    print("| | s/step | CPU s/step | 20 steps, s | peak GB | speed, README = 1 | share of the rate |")
    print("|---|---|---|---|---|---|---|")
    for row, at in found.items():
        share = limits["operations"] / at["step"] / limits["rate"]
        ratio = base["step"] / at["step"]
        seconds = f"{at['step']:.3g} | {at['cpu']:.3g} | {at['picture']:.1f}"
        print(f"| {row} | {seconds} | {at['peak']:.1f} | {ratio:.2f} | {share:.0%} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15", choices=["sd15", "sdxl", "sd35-large", "flux1-dev"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, help="pixels; without, what the model draws by itself")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the fastest counts")
    parser.add_argument("--only", help="a part of the names of the rows that are wanted")
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
