"""Runs a row in a process of its own, within a bound on time, and says beforehand why one cannot be run."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from safetensors import safe_open

from benchmarks.peers.kept import Figures
from benchmarks.peers.measuring import FEW, measure_or_take_turns
from benchmarks.peers.rows import OPENVINO_WEIGHTS, Row

_BESIDE = 1.3  # activations and libraries beside the weights
_LOADING = 2.0
"""So many times the bound a row may take with loading, and with pictures that are longer than the bound."""


@dataclass(frozen=True)
class Picture:
    """What every row draws, and for how long: ``limit`` are seconds after which no more rounds begin, and ``few`` the
    steps of its short picture.
    """

    model: str
    folder: Path
    side: int
    device: str
    steps: int
    rounds: int
    limit: float
    few: int = FEW

    @property
    def name(self) -> str:
        return f"{self.model} {self.side} {self.device}"

    @property
    def lengths(self) -> list[str]:
        return [str(self.steps), self.device, str(self.rounds), str(self.limit), str(self.few)]


class Impossible(Exception):
    """A row that was not run, or not to its end; the text says why."""


def run(row: Row, picture: Picture, peers: dict[str, str | None]) -> Figures:
    """A row's figures. Raises `Impossible`."""
    return _figures(command_of(row, picture, peers), picture)


def command_of(row: Row, picture: Picture, peers: dict[str, str | None]) -> list[str]:
    """What draws a row. Raises `Impossible`."""
    _refuse(row, picture)
    if not row.peer:
        if row.needed and find_spec(row.needed) is None:
            raise Impossible(f"{row.needed} is not installed beside Safelight")
        return _command(sys.executable, "running", row.module, row.make, picture.folder, picture)
    python = peers.get(row.peer)
    if not python:
        raise Impossible("its interpreter was not named")
    if subprocess.run([python, "-c", f"import {row.needed}"], capture_output=True, check=False).returncode != 0:
        raise Impossible(f"{python} cannot import {row.needed}")
    place = picture.folder
    if row.peer == "openvino":
        place = converted(python, picture.folder, OPENVINO_WEIGHTS[row.make])
    return _command(python, row.module, row.make, place, picture)


def limits(picture: Picture) -> Figures:
    """Operations of a step, and how many a second the device can be asked for."""
    return _figures(_command(sys.executable, "running", "limits", "", picture.folder, picture), picture)


def converted(python: str, folder: Path, weights: str) -> Path:
    """The checkpoint as OpenVINO wants it, as its guide has it. Raises `Impossible`."""
    place = folder.with_name(f"{folder.name}-openvino-{weights}")
    if not (place / "model_index.json").exists():
        begun = place.with_name(f"{place.name}.part")  # one that was cut writes its index first
        shutil.rmtree(begun, ignore_errors=True)
        export = ["-m", "optimum.commands.optimum_cli", "export", "openvino", "--model", str(folder)]
        command = [python, *export, "--task", "text-to-image", "--weight-format", weights, str(begun)]
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        if ended:
            raise Impossible(f"its conversion ended with {ended}")
        begun.rename(place)
    return place


def _refuse(row: Row, picture: Picture) -> None:
    if picture.device != "cpu":
        if row.packed:
            raise Impossible("it is a processor's alone")
        return
    needs = _BESIDE * sum(_weights(file, row.weights) for file in picture.folder.rglob("*.safetensors"))
    has = _free_bytes()
    if has is not None and needs > has:
        raise Impossible(f"it needs some {needs / 1e9:.0f} GB of memory, and {has / 1e9:.0f} are free")


def _weights(file: Path, each: int) -> float:
    """Bytes of a file's weights with so many for each."""
    with safe_open(file, "pt") as tensors:
        return float(sum(each * math.prod(tensors.get_slice(name).get_shape()) for name in [*tensors.keys()]))


def _free_bytes() -> int | None:
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:  # another system than Linux
        return None
    return int(found[1]) * 1024 if found else None


def _command(python: str, module: str, *what: object) -> list[str]:
    *names, picture = what
    assert isinstance(picture, Picture)
    return [python, "-m", f"benchmarks.peers.{module}", *map(str, names), str(picture.side), *picture.lengths]


def _figures(command: list[str], picture: Picture) -> Figures:
    """What a process prints last."""
    bound = None if picture.limit == math.inf else _LOADING * picture.limit
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=bound)
    except subprocess.TimeoutExpired as error:
        raise Impossible(f"it did not end within {error.timeout:.0f} s") from None
    if ended.returncode:
        raise Impossible(f"it ended with {ended.returncode}")
    found: Figures = json.loads(ended.stdout.splitlines()[-1])
    return found


def _main() -> None:
    """`python -m benchmarks.peers.running MODULE MAKE FOLDER SIDE STEPS DEVICE ROUNDS LIMIT FEW`."""
    module, make, folder, side, steps, device, rounds, limit, few = sys.argv[1:]
    place = Path(folder), int(side), device
    if module == "limits":
        from benchmarks.peers.with_diffusers import fast_dtype, operations, products_rate

        print(json.dumps({"operations": operations(*place), "rate": products_rate(device, fast_dtype(device))}))
    else:
        draw = getattr(import_module(f"benchmarks.peers.{module}"), make)(*place)
        measure_or_take_turns(draw, int(steps), int(rounds), float(limit), int(few))


if __name__ == "__main__":
    _main()
