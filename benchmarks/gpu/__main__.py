"""All that only a GPU can show, in one command and eight minutes: what the code promises there, and how fast it is.

    python -m benchmarks.gpu [--device cuda:0] [--small] [--out FOLDER] [--only PART ...]

Parts run one after the other, each in a process of its own that is ended when its time is over, so none can take the
others with it: every family's contract on the device in bfloat16 and float32 (exact alone, in company and beside a
cancelled run), moves between host and device, memory that runs out, Postcard, kernels of our own, then Stable Diffusion
XL, 3.5 Large and FLUX.1 dev with random weights beside diffusers. `gpu.json` and `gpu.md` in FOLDER hold what each
said; they are written after every part. `--small` takes tiny sizes, which a CPU can do too: figures then say nothing,
that it runs does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

SPEED = ("sdxl", "sd35-large", "flux1-dev")


@dataclass(frozen=True)
class Part:
    """`command` after the interpreter; it prints lines of JSON if `measures`, each with all that is known by then.
    `seconds` is what it may take.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    environment: dict[str, str] = field(default_factory=dict)
    measures: bool = False


def parts(device: str, *, small: bool) -> list[Part]:
    """Everything, in the order in which it matters."""
    test = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider")
    few = ("-k", "schnell") if small else ()
    slower = 6 if small else 1  # a CPU that others use too
    found = [
        Part(
            f"families, {dtype}",
            (*test, "tests/engine/families/test_families.py", *few),
            70 * slower,
            {"TEST_DEVICE": device, "TEST_DTYPE": dtype},
        )
        for dtype in ("bfloat16", "float32")
    ]
    names = ("pace", "host_memory", "offloading", "replaying", "transfers", "decoding")
    moves = tuple(f"test_{name}.py" for name in names)
    found.append(Part("moves and recordings", (*test, *(f"tests/engine/{name}" for name in moves)), 30 * slower))
    size = ("--small",) if small else ()
    check = ("-m", "benchmarks.gpu.checks", "--device", device, *size)
    found += [
        Part(name, (*check, name), 21 * slower, measures=True)
        for name in ("several-models", "out-of-memory", "no-waits", "postcard")
    ]
    kernels = ("-m", "benchmarks.gpu.kernels", "--device", device, *size)
    found.append(Part("kernels", kernels, 35 * slower, measures=True))
    speed = ("-m", "benchmarks.gpu.speed", "--device", device, *size)
    seconds = {"sdxl": 45, "sd35-large": 60, "flux1-dev": 85}
    return found + [Part(name, (*speed, name), seconds[name] * slower, measures=True) for name in SPEED]


def run(part: Part) -> dict[str, Any]:
    """What a part said: `ok`, `seconds`, its figures as far as it came, and how it ended if not well."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *part.command],
        env=os.environ | part.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=part.seconds)
        ended = "" if process.returncode == 0 else f"ended with {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # whatever it started too
        output, _ = process.communicate()
        ended = f"took more than {part.seconds:.0f} s"
    lines = output.strip().splitlines() or [""]
    figures = _figures(lines) if part.measures else {}
    if part.measures and not figures:
        ended = ended or "no figures"
    said: dict[str, Any] = {"ok": not ended, "seconds": round(time.perf_counter() - begun, 1)}
    if figures:
        said["figures"] = figures
    if ended or not part.measures:
        said |= {"said": lines[-1], "why": ended} | ({"log": lines[-40:]} if ended else {})
    return said


def _figures(lines: Sequence[str]) -> dict[str, Any]:
    """The last line of JSON. Libraries warn when a process ends, and what was measured before one hung counts."""
    for line in reversed(lines):
        if line.startswith("{"):
            with suppress(json.JSONDecodeError):
                return dict(json.loads(line))
    return {}


def write(folder: Path, found: dict[str, Any]) -> None:
    """Both files, as far as it went."""
    (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = ["| part | | seconds | |", "|---|---|---|---|"]
    for name, said in found["parts"].items():
        figures = said.get("figures", {})
        words = [f"{key} {value}" for key, value in figures.items()] or [said["said"]]
        told = ", ".join(filter(None, [*words, said.get("why")]))
        rows.append(f"| {name} | {'as it must be' if said['ok'] else 'FAILED'} | {said['seconds']} | {told} |")
    head = ", ".join(f"{key}: {value}" for key, value in found["machine"].items())
    (folder / "gpu.md").write_text(f"{head}\n\n" + "\n".join(rows) + "\n")


def machine(device: str) -> dict[str, Any]:
    """What it ran on."""
    import torch

    kind = torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"
    facts = {"device": kind, "torch": torch.__version__, "cuda": torch.version.cuda, "diffusers": version("diffusers")}
    return facts | {"python": sys.version.split()[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("gpu-check"))
    parser.add_argument("--only", nargs="*", help="names of parts")
    arguments = parser.parse_args()
    import torch

    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} finds no NVIDIA GPU here. Install a CUDA build of it beside Safelight.")
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": machine(arguments.device), "parts": {}}
    for part in parts(arguments.device, small=arguments.small):
        if arguments.only and part.name not in arguments.only:
            continue
        print(f"{part.name} …", flush=True)
        found["parts"][part.name] = run(part)
        write(arguments.out, found)
    print((arguments.out / "gpu.md").read_text())
    return 0 if all(said["ok"] for said in found["parts"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
