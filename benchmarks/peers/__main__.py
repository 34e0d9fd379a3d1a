"""Seconds a step and a picture, batch 1, of popular architectures at full size: Safelight beside its peers.

    python -m benchmarks.peers [--model sd15|sdxl|sd35-large|flux1-dev] [--device cpu|cuda] [--side 512] [--steps 4]
        [--openvino PYTHON] [--stable-diffusion-cpp PYTHON] [--compiled] [--rounds 3] [--only PART ...]
        [--limit SECONDS] [--results FILE] [--folder FOLDER] [--turns 5] [--few 2]

PYTHON is an interpreter that has the peer (`openvino-genai` with `optimum-intel`, `stable-diffusion-cpp-python`): they
need other versions of the libraries than Safelight. What this machine cannot run is said and left out. The checkpoint
(random weights, the same for all) is made once in a temporary folder, or in `--folder`, and converted for OpenVINO;
every row runs in a process of its own, so that its peak memory is its own. After `--limit` seconds no round of a row
begins, and after twice that it is ended. With `--results` every row is kept as soon as it is there, and the same
command goes on with those that are left. `--model` and `--side` may be given as pairs too: `--pictures sd15:256
sdxl:1024`; then `--folder` holds a folder for each model. The last column is the share of the operations a second that
large products reach on the device in the same run, in bfloat16, or in float32 where that is faster: there bfloat16 is
emulated, and no row of diffusers uses it. A step is the difference between a picture of `--few` steps and one of
`--steps` more. Ratios hold within one run; beside other programs compare the processor's seconds. With `--turns` the
rows that `--only` names live at once and draw in turns, so often each, and the median of a step is shown beside the
first row's: what disturbs one disturbs all. It needs memory for all of them.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.kept import Figures, Kept
from benchmarks.peers.measuring import FEW, ROUNDS
from benchmarks.peers.rows import README, ROWS, Row
from benchmarks.peers.running import Impossible, Picture, limits, run
from benchmarks.peers.turns import draw_in_turns

_LIMITS = "limits"


def measure(given: argparse.Namespace, picture: Picture, kept: Kept) -> None:
    """All rows that are wanted, can be run and are not kept yet; why one is not run is said."""
    peers = _peers(given)
    if _LIMITS not in kept.of(picture.name):
        kept.add(picture.name, _LIMITS, limits(picture))
    for name, row in ROWS.items():
        if not _wanted(name, row, given) or name in kept.of(picture.name):
            continue
        try:
            figures = run(row, picture, peers)
        except Impossible as why:
            print(f"{name} is not run: {why}", flush=True)
            continue
        kept.add(picture.name, name, figures)
        print(f"{picture.name}, {name}: {figures}", file=sys.stderr, flush=True)


def _peers(given: argparse.Namespace) -> dict[str, str | None]:
    return {"openvino": given.openvino, "stable_diffusion_cpp": given.stable_diffusion_cpp}


def _wanted(name: str, row: Row, given: argparse.Namespace) -> bool:
    asked = (given.compiled or not row.compiled) and any(each in name for each in given.only)
    return asked and bool(not row.peer or _peers(given)[row.peer])


def show(title: str, picture: Picture, found: dict[str, Figures]) -> None:
    limit = found.pop(_LIMITS)
    if not found:
        return
    base = found.get(README) or next(iter(found.values()))
    device = f"{limit['rate'] / 1e12:.2f} TFLOP/s in large products"
    print(f"{title}, random weights, {picture.side}x{picture.side}, batch 1, {picture.device}: {device}")
    print(f"a step is {limit['operations'] / 1e12:.2f} TFLOP")
    print("| | s/step | CPU s/step | 20 steps, s | peak GB | speed, README = 1 | share of the rate |")
    print("|---|---|---|---|---|---|---|")
    for name in (name for name in ROWS if name in found):
        at = found[name]
        share = limit["operations"] / at["step"] / limit["rate"]
        ratio = base["step"] / at["step"]
        seconds = f"{at['step']:.3g} | {at['cpu']:.3g} | {at['picture']:.1f}"
        print(f"| {name} | {seconds} | {at['peak']:.1f} | {ratio:.2f} | {share:.0%} |")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15", choices=["sd15", "sdxl", "sd35-large", "flux1-dev"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, help="pixels; without, what the model draws by itself")
    parser.add_argument("--pictures", nargs="+", metavar="MODEL:SIDE", help="in place of one --model and --side")
    parser.add_argument("--steps", type=int, default=4)
    few = "steps of the short picture, 1 where one takes minutes: then what a row tries at its first counts as well"
    parser.add_argument("--few", type=int, default=FEW, help=few)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the fastest counts")
    parser.add_argument("--limit", type=float, default=math.inf, help="seconds for a row")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of the rows that are wanted")
    parser.add_argument("--turns", type=int, default=0, help="all rows at once, in turns")
    parser.add_argument("--openvino", metavar="PYTHON")
    parser.add_argument("--stable-diffusion-cpp", metavar="PYTHON")
    parser.add_argument("--compiled", action="store_true", help="also what torch.compile makes of it")
    parser.add_argument("--folder", type=Path, help="where the checkpoint is, or is made; with --pictures, all of them")
    parser.add_argument("--results", type=Path, help="where figures are kept, row by row")
    return parser


def main() -> int:
    given = _parser().parse_args()
    from benchmarks.peers.architectures import ARCHITECTURES, make

    kept = Kept(given.results)
    with tempfile.TemporaryDirectory() as temporary:
        beside = given.folder or Path(temporary)
        for each in given.pictures or [f"{given.model}:{given.side or ARCHITECTURES[given.model].side}"]:
            model, _, side = each.partition(":")
            folder = beside / model if given.pictures or not given.folder else beside
            if not (folder / "model_index.json").exists():
                make(model, folder, given.device)
            picture = Picture(model, folder, int(side), given.device, given.steps, given.rounds, given.limit, given.few)
            if given.turns:
                rows = {name: row for name, row in ROWS.items() if _wanted(name, row, given)}
                draw_in_turns(rows, picture, _peers(given), given.turns)
                continue
            measure(given, picture, kept)
            show(ARCHITECTURES[model].title, picture, kept.of(picture.name))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
