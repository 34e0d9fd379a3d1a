"""Stable Diffusion 1.5 at full size, random weights: Safelight beside diffusers as its README has it and at its best.

    python -m benchmarks.peers [--steps 4] [--side 512] [--openvino PYTHON]

OpenVINO GenAI's own pipeline is beside them if PYTHON is an interpreter that has `openvino-genai` and `optimum-intel`
(they need other versions of the libraries than Safelight); the checkpoint is converted for it first. The checkpoint
(860 M parameters of U-Net, the same for all) is made once in a temporary folder; every row runs in a process of its
own, so that its peak memory is its own. Seconds of a step are the difference between two pictures of different length,
so that what happens once does not count. Ratios hold within one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROMPT = "a lighthouse above the sea"
FEW = 2


def make(folder: Path) -> None:
    """The real architecture, saved as float32 safetensors."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    text = CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, vocab_size=49408
    )
    channels = (128, 256, 512, 512)
    StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77),
        unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


Draw = Callable[[int], None]


def as_in_the_readme(folder: Path, side: int) -> Draw:
    from diffusers import DiffusionPipeline

    return _by_diffusers(DiffusionPipeline.from_pretrained(folder), side)


def at_its_best(folder: Path, side: int) -> Draw:
    """bfloat16, where the processor has it in hardware, and convolutions in channels-last."""
    import torch
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=torch.bfloat16)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    torch.set_flush_denormal(True)
    return _by_diffusers(pipeline, side)


def _by_diffusers(pipeline: Any, side: int) -> Draw:
    import torch

    pipeline.set_progress_bar_config(disable=True)

    def draw(steps: int) -> None:
        generator = torch.Generator("cpu").manual_seed(7)
        pipeline(prompt=PROMPT, height=side, width=side, num_inference_steps=steps, generator=generator)

    return draw


def by_safelight(folder: Path, side: int) -> Draw:
    """The engine's loop as a worker runs it, file included."""
    from benchmarks.schedule import Engine, job
    from safelight.engine.device import prepare

    prepare(threads=0)
    import msgspec

    engine = Engine(None, str(folder))

    def draw(steps: int) -> None:
        asked = msgspec.structs.replace(job(f"{time.perf_counter()}", steps, "a"), source=str(folder))
        engine.draw([msgspec.structs.replace(asked, width=side, height=side, prompt=PROMPT)])

    return draw


OPENVINO = """
import json, resource, subprocess, sys, time
from pathlib import Path

import openvino_genai

folder, side, few, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
pipeline = openvino_genai.Text2ImagePipeline(str(folder), "CPU")

def draw(steps):
    begun = time.perf_counter()
    pipeline.generate(sys.argv[5], width=side, height=side, num_inference_steps=steps, rng_seed=7)
    return time.perf_counter() - begun

draw(few)
short = draw(few)
step = (draw(few + steps) - short) / steps
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"step": step, "picture": short + (20 - few) * step, "peak": peak}))
"""


def by_openvino(python: str, folder: Path, side: int, steps: int) -> dict[str, float]:
    """The row of OpenVINO GenAI, in its own environment; weights in half precision, as its guide has it."""
    converted = folder.with_name(f"{folder.name}-openvino")
    if not (converted / "model_index.json").exists():
        export = ["-m", "optimum.commands.optimum_cli", "export", "openvino", "--model", str(folder)]
        subprocess.run([python, *export, "--task", "text-to-image", "--weight-format", "fp16", converted], check=True)
    options = [str(converted), str(side), str(FEW), str(steps), PROMPT]
    done = subprocess.run([python, "-c", OPENVINO, *options], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


ROWS: dict[str, Callable[[Path, int], Draw]] = {
    "diffusers, as in its README": as_in_the_readme,
    "diffusers, bfloat16 and channels-last": at_its_best,
    "Safelight": by_safelight,
}


def measure(row: str, folder: Path, side: int, steps: int) -> dict[str, float]:
    """One row, in this process: seconds a step and a picture of `steps`, and peak memory in GB."""
    draw = ROWS[row](folder, side)
    draw(FEW)  # warm
    begun = time.perf_counter()
    draw(FEW)
    between = time.perf_counter()
    draw(FEW + steps)
    end = time.perf_counter()
    few, many = between - begun, end - between
    step = (many - few) / steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"step": step, "picture": few + (20 - FEW) * step, "peak": peak}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--openvino", metavar="PYTHON", help="an interpreter with openvino-genai and optimum-intel")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where the checkpoint is, or is made")
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(measure(arguments.row, arguments.folder, arguments.side, arguments.steps)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "sd15"
        if not (folder / "model_index.json").exists():
            make(folder)
        table = {row: _in_a_process(row, folder, arguments) for row in ROWS}
        if arguments.openvino:
            try:
                table["OpenVINO GenAI"] = by_openvino(arguments.openvino, folder, arguments.side, arguments.steps)
            except subprocess.CalledProcessError as error:
                command = " ".join(map(str, error.cmd[:5]))
                print(f"OpenVINO GenAI could not be run: {command} ended with {error.returncode}")
    first = table["diffusers, as in its README"]["step"]
    print(f"Stable Diffusion 1.5, random weights, {arguments.side}x{arguments.side}, guidance, batch 1")
    print("| | s/step | 20 steps, s | peak GB | speed, README = 1 |\n|---|---|---|---|---|")
    for row, found in table.items():
        ratio = first / found["step"]
        print(f"| {row} | {found['step']:.2f} | {found['picture']:.1f} | {found['peak']:.1f} | {ratio:.2f} |")
    return 0


def _in_a_process(row: str, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    options = ["--folder", str(folder), "--side", str(arguments.side), "--steps", str(arguments.steps)]
    command = [sys.executable, "-m", "benchmarks.peers", "--row", row, *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[str, float] = json.loads(lines[-1])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
