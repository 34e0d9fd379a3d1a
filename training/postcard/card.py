"""The model card: `card.md`, with the facts of a run filled in."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from safelight.postcard.scenes.scene import MAX_LAYERS, MAX_THINGS
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import LayerKind, Light, Setting, Style

GUIDANCE_IN_ONE_PASS = (
    "| guidance | an input of the denoiser, learned from the guided model (arXiv 2210.03142): a step takes one pass, "
    "or two with a negative prompt |"
)
GUIDANCE_IN_TWO_PASSES = "| guidance | classifier-free (arXiv 2207.12598), two passes a step |"
SPENT = "training.json"
"""Beside the card: samples seen and seconds spent, for a run that starts from the exported weights."""
CARD = Path(__file__).with_name("card.md").read_text(encoding="utf-8")


def spent(folder: Path) -> tuple[int, float]:
    """Samples seen and seconds spent in a training folder and in those that it started from; zeros if there is none."""
    if not (folder / "step.json").exists():
        return 0, 0.0
    state = json.loads((folder / "step.json").read_text())
    origin = folder / "origin.json"
    before = json.loads(origin.read_text()) if origin.exists() else {"samples": 0, "seconds": 0.0}
    return state["samples"] + before["samples"], state["seconds"] + before["seconds"]


def write_origin(folder: Path, start: Path | None) -> None:
    """Note what was spent before a training folder's own first step: by another run, or for exported weights."""
    samples, seconds = 0, 0.0
    if start and (start / SPENT).exists():
        before = json.loads((start / SPENT).read_text())
        samples, seconds = before["samples"], before["seconds"]
    elif start:
        samples, seconds = spent(start)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "origin.json").write_text(json.dumps({"samples": samples, "seconds": seconds}))


def device_name(device: str) -> str:
    """The device in words."""
    if device != "cpu":
        return str(torch.cuda.get_device_name(device))
    return f"{os.cpu_count()} cores of a CPU ({platform.machine()}) shared with other work"


def write_card(run: Path, weights: Path, found: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write README.md into the weights' folder.

    `facts`: parameters (in millions), seed, device.
    """
    seen, seconds = spent(run / "train")
    distilled, distil_seconds = spent(run / "distil")
    rows = ["| category | right | asked | share |", "|---|---|---|---|"]
    rows += [f"| {n} | {c['hits']} | {c['asked']} | {c['share']:.1%} |" for n, c in found["categories"].items()]
    (had, asked), (without, _) = found["negative"]["absent with"], found["negative"]["absent without"]
    times = ", ".join(f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in found["seconds"].items())
    card = CARD.format(
        slots=2 + MAX_LAYERS + MAX_THINGS,
        layers=MAX_LAYERS,
        things=MAX_THINGS,
        settings=len(Setting),
        lights=len(Light),
        styles=len(Style),
        layer_kinds=len(LayerKind),
        thing_kinds=len(THINGS),
        parameters=facts["parameters"],
        guidance_row=GUIDANCE_IN_ONE_PASS if distilled else GUIDANCE_IN_TWO_PASSES,
        seen=seen,
        distilled=distilled,
        hours=seconds / 3600,
        distil_hours=distil_seconds / 3600,
        device=device_name(facts["device"]),
        seed=facts["seed"],
        seeds=found["sampling"]["seeds"],
        steps=found["sampling"]["steps"],
        guidance=found["sampling"]["guidance_scale"],
        table="\n".join(rows),
        negative=f"Negative prompts: what they name is absent in {had} of {asked} scenes (without them: {without}).",
        diversity=found["diversity"],
        times=f"Processor time at 1024x1024: {times}." if times else "",
    )
    (weights / "README.md").write_text(card, encoding="utf-8")
    (weights / SPENT).write_text(json.dumps({"samples": seen, "seconds": round(seconds)}) + "\n")
