"""How well Postcard edits its own drawings: the share of asked changes that are made, and of other things kept.

    python -m benchmarks.postcard_edits [--seeds 3] [--sheet docs/images/postcard-edits.jpg]
    python -m benchmarks.postcard_edits --list benchmarks/postcard_edits_held_out.tsv
    python -m benchmarks.postcard_edits --strengths 0.5 0.75 1

The edits are written in postcard_edits.tsv, as other people say them in postcard_edits_others.tsv and
postcard_edits_held_out.tsv,
and in postcard_descriptions.tsv those by a description, which are drawn with each of the strengths. What comes
of one is read off the scene of the picture, not off its pixels.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from PIL import Image, ImageDraw

from safelight import postcard
from safelight.postcard import PostcardImg2ImgPipeline, PostcardPipeline
from safelight.postcard.instructions.words import terms
from safelight.postcard.scenes.scene import Scene, Thing
from safelight.postcard.scenes.scene_file import read, written

WEIGHTS = Path(postcard.__file__).parent / "weights"
LIST = Path(__file__).with_suffix(".tsv")
DESCRIPTIONS = Path(__file__).with_name("postcard_descriptions.tsv")
_SEEN = 0.15
_NEAR = 0.08
_CHECK = re.compile(r"([\w_]+)(?:\.(\w+))?([=<>+@-])(\S+)")
_BESIDE = 0.3
_AMOUNTS = ("fog", "rain", "snowfall"), ("clouds", "stars", "rainbow", "aurora", "lightning")
_WIDTH, _HEIGHT = 608, 416


@dataclass(frozen=True)
class Edit:
    """One line of the list."""

    prompt: str
    edit: str
    asked: tuple[str, ...]
    may_change: frozenset[str]


def edits(file: Path = LIST) -> list[Edit]:
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            prompt, edit, asked, may = line.split("\t")
            found.append(Edit(prompt, edit, tuple(asked.split()), frozenset(may.split())))
    return found


def kinds_of(name: str) -> tuple[str, ...]:
    """The kinds of things that a name stands for."""
    found = terms().get(name.replace("_", " "), ())
    return next((term.values for term in found if term.field == "thing"), (name,))


def layers_of(name: str) -> tuple[str, ...]:
    """The kinds of layers that a name stands for beside things: cacti grow alone and in a row."""
    found = terms().get(name.replace("_", " "), ())
    return next((term.values for term in found if term.field == "layer"), ())


def is_made(check: str, before: Scene, after: Scene) -> bool:
    """Whether one asked change is to be seen."""
    found = _CHECK.fullmatch(check)
    assert found is not None, check
    name, field, sign, value = found.groups()
    if field is not None:
        if value.isidentifier() and sign in "<>":  # against where another stands
            value = str(mean([getattr(x, field) for x in _called(value, after)] or [math.nan]))
        things = _called(name, after)
        return bool(things) and all(_holds(x, _before(x, before), field, sign, value) for x in things)
    if hasattr(after.world, name) and name not in _AMOUNTS[0]:
        return str(getattr(after.world, name)) == value
    if sign == "@":  # it stands near another
        return any(abs(x.x - y.x) < _BESIDE for x in _called(name, after) for y in _called(value, after))
    if value in ("yes", "no"):
        return _is_seen(name, after) == (value == "yes")
    here, there = (len(_called(name, scene)) for scene in (before, after))
    return there == (int(value) if sign == "=" else here + int(sign + value))


def _called(name: str, scene: Scene) -> list[Thing]:
    return [x for x in scene.things if x.kind in kinds_of(name)]


def _before(thing: Thing, scene: Scene) -> Thing:
    return min((x for x in scene.things if x.kind == thing.kind), key=lambda x: abs(x.x - thing.x), default=thing)


def _holds(thing: Thing, before: Thing, field: str, sign: str, value: str) -> bool:
    now = getattr(thing, field)
    if sign == "=":
        return str(now) == value
    if field == "scale":  # against what it was
        now /= before.scale
    elif value.startswith("+"):
        now -= getattr(before, field)
    return bool(now < float(value) if sign == "<" else now > float(value))


def _is_seen(name: str, scene: Scene) -> bool:
    if name in _AMOUNTS[0]:
        return bool(getattr(scene.world, name) > _SEEN)
    sky = scene.world.sky
    if name == sky.body or getattr(sky, name, 0.0) > _SEEN:
        return True
    return any(x.kind == name for x in scene.layers) or bool(_called(name, scene))


def kept(edit: Edit, before: Scene, after: Scene) -> Iterator[tuple[str, bool]]:
    """What is not asked for, by name, and whether it is as it was: the whole's words, the horizon, each layer, what is
    in the sky, and each thing at its place."""
    if "all" in edit.may_change:
        return
    asked = {found[1] for check in edit.asked if (found := _CHECK.fullmatch(check)) is not None}
    asked |= {"weather"} if asked & {"snowfall", "clouds"} else set()
    for name in ("setting", "light", "weather", "season", "palette", "style"):
        if name not in asked:
            yield name, getattr(before.world, name) == getattr(after.world, name)
    yield "horizon", abs(before.world.horizon - after.world.horizon) < _NEAR or "setting" in asked
    if not {"sky", *asked} & {"sky", "weather"}:
        for name in _AMOUNTS[1]:
            if name not in asked:
                yield name, abs(getattr(before.world.sky, name) - getattr(after.world.sky, name)) < _NEAR
    if "layers" not in edit.may_change:
        for layer in before.layers:
            if layer.kind not in asked | {kind for name in asked for kind in layers_of(name)}:
                yield layer.kind, any(x.kind == layer.kind and abs(x.depth - layer.depth) < _NEAR for x in after.layers)
    gone = {kind for name in edit.may_change for kind in kinds_of(name)}
    for check in edit.asked:
        found = _CHECK.fullmatch(check)
        if found is not None and not (found[3] == "+" and found[2] is None):
            gone |= set(kinds_of(found[1]))
    for thing in before.things:
        if thing.kind not in gone:
            yield thing.kind, any(_is_same(thing, x) for x in after.things)


def _is_same(one: Thing, other: Thing) -> bool:
    near = abs(one.x - other.x) < _NEAR and abs(one.depth - other.depth) < _NEAR
    return near and (one.kind, one.colour) == (other.kind, other.colour)


def latents_of(pipeline: Any, seed: int, *args: Any, **options: Any) -> Any:
    """The last latents of a picture, and its scene as its file says it."""
    generator = torch.Generator().manual_seed(seed)
    options |= {"width": _WIDTH, "height": _HEIGHT, "generator": generator, "output_type": "latent"}
    latents = pipeline(*args, **options).images
    return latents, read(written(pipeline.decoder.scenes(latents)[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path, default=LIST, help="the file of edits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sheet", type=Path, help="draw the edits of the first seed into this file")
    parser.add_argument("--strengths", type=float, nargs="+", help="how well descriptions do with each of these")
    options = parser.parse_args()
    torch.set_num_threads(1)  # its layers are small
    pipeline: Any = PostcardPipeline.from_pretrained(WEIGHTS, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    editor = PostcardImg2ImgPipeline(**pipeline.components)
    editor.set_progress_bar_config(disable=True)
    if options.strengths:
        print_strengths(pipeline, editor, options.strengths, options.seeds)
        return
    made, stayed, missed = list[bool](), list[bool](), list[str]()
    tiles = list[tuple[Edit, Image.Image, Image.Image]]()
    for seed in range(1, options.seeds + 1):
        for edit in edits(options.list):
            before = latents_of(pipeline, seed, edit.prompt)
            after = latents_of(editor, seed, edit.edit, before[1])
            asked = [(check, is_made(check, before[1], after[1])) for check in edit.asked]
            rest = list(kept(edit, before[1], after[1]))
            made += [ok for _, ok in asked]
            stayed += [ok for _, ok in rest]
            missed += [f"seed {seed}, {edit.edit!r} of {edit.prompt!r}: {what}" for what, ok in asked + rest if not ok]
            if seed == 1 and options.sheet:
                tiles.append((edit, _pixels(pipeline, before[0]), _pixels(pipeline, after[0])))
    print("\n".join(missed))
    print(f"asked changes made: {sum(made)} of {len(made)}, {sum(made) / len(made):.1%}")
    print(f"other things kept: {sum(stayed)} of {len(stayed)}, {sum(stayed) / len(stayed):.1%}")
    if options.sheet:
        sheet(tiles).save(options.sheet, quality=85)


def print_strengths(pipeline: Any, editor: Any, strengths: list[float], seeds: int) -> None:
    """A line for each strength: the share of asked changes made by descriptions, and of other things kept."""
    drawn = [(edit, seed, latents_of(pipeline, seed, edit.prompt)[1]) for edit in edits(DESCRIPTIONS)
             for seed in range(1, seeds + 1)]  # fmt: skip
    print("| `strength` | asked changes made | other things kept | both, on average |\n|---|---|---|---|")
    for strength in strengths:
        made, stayed = list[bool](), list[bool]()
        for edit, seed, before in drawn:
            after = latents_of(editor, seed + 100, edit.edit, before, strength=strength)[1]
            made += [is_made(check, before, after) for check in edit.asked]
            stayed += [ok for _, ok in kept(edit, before, after)]
        shares = sum(made) / len(made), sum(stayed) / len(stayed)
        print(f"| {strength:g} | {shares[0]:.0%} | {shares[1]:.0%} | {sum(shares) / 2:.0%} |", flush=True)


def _pixels(pipeline: Any, latents: Any) -> Image.Image:
    return Image.fromarray(pipeline.decoder.decode(latents, _HEIGHT, _WIDTH)[0])


def sheet(tiles: list[tuple[Edit, Image.Image, Image.Image]], columns: int = 4, width: int = 228) -> Image.Image:
    """Each edit as before and after, side by side, with its words below."""
    height, gap, line = width * _HEIGHT // _WIDTH, 10, 16
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * (2 * width + gap) - gap, rows * (height + line + gap) - gap), "white")
    pen = ImageDraw.Draw(page)
    for number, (edit, before, after) in enumerate(tiles):
        x, y = number % columns * (2 * width + gap), number // columns * (height + line + gap)
        for place, picture in ((x, before), (x + width + 2, after)):
            page.paste(picture.resize((width - 2, height), Image.Resampling.LANCZOS), (place, y))
        pen.text((x, y + height + 2), edit.edit, fill="black")
    return page


if __name__ == "__main__":
    main()
