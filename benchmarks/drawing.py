"""Postcard's decoder: time to write each drawing as SVG and to turn it into pixels, 1024x1024, beside a floor.

    python -m benchmarks.drawing [--size 1344x768] [--repeats 5] [scene or style ...]

The floor is one sheet of colour through the same rasteriser: parsing, and the picture's own bytes.
All figures are medians of CPU milliseconds from one run (both stages use one thread, and time on the clock would count
what else the machine does); the ratio to the floor travels between machines.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.scenes import SCENES, SUNSET_MOUNTAINS
from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Style

TARGET_MS = 200.0
"""At 1024x1024 on a core of an AMD EPYC without AMX, machine at rest: every scene in the default style, and one scene,
mountains above a lake, in every style.
"""


def median_ms(action: Callable[[], object], repeats: int) -> float:
    action()
    seconds = []
    for _ in range(repeats):
        begun = time.process_time()
        action()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds) * 1e3


def floor_ms(width: int, height: int, repeats: int) -> float:
    """A sheet of one colour."""
    sheet = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<path d="M0 0H{width}V{height}H0Z" fill="#88a"/></svg>'
    )
    return median_ms(lambda: rasterise(sheet, width, height), repeats)


def row(name: str, scene: Scene, size: tuple[int, int], repeats: int, floor: float) -> float:
    """Print one row; returns both stages together in milliseconds."""
    svg = render_svg(scene, *size)
    written = median_ms(partial(render_svg, scene, *size), repeats)
    drawn = median_ms(partial(rasterise, svg, *size), repeats)
    total = written + drawn
    print(f"{name:20}{written:9.1f}{drawn:11.1f}{total:9.1f}{total / floor:9.1f}{len(svg) / 1e3:9.0f}", flush=True)
    return total


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="names of scenes or styles")
    parser.add_argument("--size", default="1024x1024")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    width, height = (int(side) for side in options.size.split("x"))
    scenes = {name.replace(" ", "-"): scene for name, scene in SCENES.items()}
    styles = {s.value: replace(SUNSET_MOUNTAINS, world=replace(SUNSET_MOUNTAINS.world, style=s)) for s in Style}
    floor = floor_ms(width, height, options.repeats)
    print(f"{width}x{height}            SVG ms  raster ms   all ms  x floor   SVG kB")
    print(f"{'(floor)':20}{0.0:9.1f}{floor:11.1f}{floor:9.1f}{1.0:9.1f}")
    slowest: dict[str, float] = {}
    for name, scene in {**scenes, **styles}.items():
        if not options.only or name in options.only:
            slowest[name] = row(name, scene, (width, height), options.repeats, floor)
    over = ", ".join(name for name, total in slowest.items() if total >= TARGET_MS)
    print(f"\nover the target of {TARGET_MS:.0f} ms on idle cores: {over or 'none'}")
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())
