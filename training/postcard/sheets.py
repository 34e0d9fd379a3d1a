"""What a run looks like: a plot of its loss and a sheet of pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from safelight.postcard.pipeline import PostcardPipeline

SHEET_PROMPTS = (
    "A serene mountain landscape at sunset with vibrant colors",
    "A surreal landscape with glowing mushrooms under a night sky.",
    "three white sheep on a green meadow in spring",
    "a lighthouse on a cliff in a storm",
    "a kitten in the forest at night",
    "spaceship over the city at dusk",
    "calm sea with two red sailboats, watercolour",
    "a cabin by a frozen lake under the northern lights",
    "camel in the desert under a starry sky",
    "a blue vase with flowers on a table by the window",
    "five hot air balloons over rolling hills at dawn",
    "a dolphin under water among corals",
)


def loss_plot(log: Path, out: Path, size: tuple[int, int] = (900, 420)) -> None:
    """Draw the loss of `log.jsonl` over its steps, smoothed, on logarithmic height."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line["step"] for line in lines]
    smooth, curve = lines[0]["loss"], []
    for line in lines:
        smooth += 0.2 * (line["loss"] - smooth)
        curve.append(torch.tensor(smooth).log().item())
    low, high = min(curve), max(curve)
    width, height = size
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)

    def at(step: float, value: float) -> tuple[float, float]:
        x = 60 + (width - 80) * step / max(steps[-1], 1)
        return x, height - 30 - (height - 50) * (value - low) / max(high - low, 1e-9)

    for i in range(5):
        value = low + (high - low) * i / 4
        draw.line([at(0, value), at(steps[-1], value)], fill="#dddddd")
        draw.text((8, at(0, value)[1] - 6), f"{torch.tensor(value).exp().item():.2f}", fill="#444444")
        draw.text((at(steps[-1] * i / 4, low)[0] - 12, height - 22), f"{steps[-1] * i // 4}", fill="#444444")
    for a, b in pairwise(zip(steps, curve, strict=True)):
        draw.line([at(*a), at(*b)], fill="#b5382a", width=2)
    picture.save(out)


def sheet(
    pipeline: PostcardPipeline,
    prompts: Sequence[str],
    out: Path,
    columns: int = 4,
    size: tuple[int, int] = (448, 256),
    seed: int = 1,
    steps: int = 8,
    guidance_scale: float = 2.5,
) -> None:
    """Draw each prompt with the same seed into one picture, row by row."""
    width, height = size
    rows = -(-len(prompts) // columns)
    picture = Image.new("RGB", (columns * (width + 6) - 6, rows * (height + 6) - 6), "white")
    for i, prompt in enumerate(prompts):
        drawn = pipeline(
            prompt=prompt,
            height=height,
            width=width,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
        picture.paste(drawn, ((i % columns) * (width + 6), (i // columns) * (height + 6)))
    picture.save(out)
