"""The README's picture, the sheets of `docs/postcard.md` and the pictures of `docs/prompts.md`, as small JPEG files.

python -m training.postcard.gallery src/safelight/postcard/weights docs/images
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.scenes.vocabulary import Style

GAP = 6
QUALITY = 80
"""Of the sheets: each stays under 150 kB."""
WIDE = ((1344, 768), (1536, 640), (1216, 832), (1088, 896))
NARROW = ((1024, 1024), (896, 1088), (832, 1216), (768, 1344), (640, 1536))
SIXTEEN = (
    "A serene mountain landscape at sunset with vibrant colors",
    "A surreal landscape with glowing mushrooms under a night sky.",
    "three white sheep on a green meadow in spring",
    "a lighthouse on a rocky coast in a storm",
    "a kitten in the forest at night",
    "a spaceship over the city at dusk",
    "calm sea with two red sailboats",
    "a cabin by a frozen lake under the northern lights",
    "camel in the desert under a starry sky",
    "a blue vase with flowers on a table by the window",
    "five hot air balloons over rolling hills at dawn",
    "a turtle under water among corals",
    "rainy street in an old town, autumn",
    "a red barn and a tractor on a farm, golden hour",
    "an astronaut on a planet with craters",
    "a waterfall in the jungle with a parrot",
)
STYLED = "a castle on a hill in autumn, {style}"
SEEDED = ("a castle on a hill in autumn", "a harbour at dawn with fishing boats")
FAILED = (
    "a blue circle above a red square",
    "crimson hot air balloon above the alps",
    "Could you draw a dolphin jumping out of the ocean?",
    "graphite drawing, lonely tree in winter, no color",
)
SIZED = "a sailboat on a lake in the mountains at golden hour"


@dataclass(frozen=True)
class Picture:
    """One picture of a sheet: what is drawn, how large, and how wide it is shown."""

    prompt: str
    width: int
    height: int
    seed: int
    shown: int


_LIGHTHOUSE, _VILLAGE = "a lighthouse on a cliff", "a village in autumn, golden hour"
SINGLE = {
    name: Picture(prompt, 768, 512, seed, 768)
    for name, prompt, seed in (
        ("boat", "a boat", 7),
        ("boats", "two red sailboats on a calm lake in the mountains", 7),
        ("dawn", f"{_LIGHTHOUSE} at dawn", 7),
        ("night", f"{_LIGHTHOUSE} at night", 7),
        ("oil", f"{_LIGHTHOUSE} at dawn, oil painting", 7),
        ("paper", f"{_LIGHTHOUSE} at dawn, paper cut", 7),
        ("seed-7", _VILLAGE, 7),
        ("seed-8", _VILLAGE, 8),
        ("seed-9", _VILLAGE, 9),
    )
}
"""The pictures of docs/prompts.md, by name."""


def drawn(pipeline: PostcardPipeline, picture: Picture) -> Image.Image:
    """Draw at the full size and shrink, as a reader of the page would."""
    image: Image.Image = pipeline(
        prompt=picture.prompt,
        width=picture.width,
        height=picture.height,
        generator=torch.Generator().manual_seed(picture.seed),
    ).images[0]
    return image.resize(
        (picture.shown, round(picture.shown * picture.height / picture.width)), Image.Resampling.LANCZOS
    )


def rows(images: Sequence[Image.Image], lengths: Sequence[int]) -> Image.Image:
    """Images in rows of these lengths, each row as high as its highest picture."""
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    lines = [images[start : start + length] for start, length in zip(starts, lengths, strict=True)]
    width = max(sum(i.width + GAP for i in line) for line in lines) - GAP
    heights = [max(i.height for i in line) for line in lines]
    sheet = Image.new("RGB", (width, sum(heights) + GAP * (len(lines) - 1)), "white")
    top = 0
    for line, height in zip(lines, heights, strict=True):
        left = 0
        for image in line:
            sheet.paste(image, (left, top))
            left += image.width + GAP
        top += height + GAP
    return sheet


def sheets(seed: int) -> dict[str, tuple[list[Picture], list[int]]]:
    """Name of each sheet -> its pictures and how many stand in each row."""
    styles = [Picture(STYLED.format(style=s.value.replace("_", " ")), 1216, 832, seed, 296) for s in Style]
    wide = [Picture(SIZED, w, h, seed, round(176 * w / h)) for w, h in WIDE]
    narrow = [Picture(SIZED, w, h, seed, round(338 * w / h)) for w, h in NARROW]
    seeds = [Picture(prompt, 1216, 832, s, 296) for prompt in SEEDED for s in range(1, 5)]
    return {
        "prompts": ([Picture(prompt, 1344, 768, seed, 296) for prompt in SIXTEEN], [4, 4, 4, 4]),
        "styles": (styles, [4, 4, 4]),
        "sizes": (wide + narrow, [len(wide), len(narrow)]),
        "seeds": (seeds, [4, 4]),
        "failures": ([Picture(prompt, 1216, 832, seed, 296) for prompt in FAILED], [4]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of sheets; single: the pictures of docs/prompts.md")
    arguments = parser.parse_args()
    pipeline = PostcardPipeline.from_pretrained(arguments.weights, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (pictures, lengths) in sheets(arguments.seed).items():
        if not arguments.only or name in arguments.only:
            sheet = rows([drawn(pipeline, picture) for picture in pictures], lengths)
            sheet.save(arguments.out / f"postcard-{name}.jpg", quality=QUALITY, optimize=True, progressive=True)
    if not arguments.only or "single" in arguments.only:
        for name, picture in SINGLE.items():
            image = drawn(pipeline, picture)
            image.save(arguments.out / f"prompts-{name}.jpg", quality=82, optimize=True, progressive=True)
    cover = drawn(pipeline, Picture(SIXTEEN[0], 1344, 768, 7, 1344))
    cover.save(arguments.out / "mountains.jpg", quality=88, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
