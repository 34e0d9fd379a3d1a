"""Hatching drawn in NumPy, beside librsvg's."""

import re

import numpy as np
import pytest
from benchmarks.scenes import SUNSET_MOUNTAINS, styled
from numpy.typing import NDArray

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels import librsvg, pens
from safelight.postcard.render.paper.pixels.bands import Fit, Window, never
from safelight.postcard.scenes.vocabulary import Style

STROKES = [
    "M10 10Q50 17 90 30",  # lying
    "M90 60Q55 48 20 40",  # from the right
    "M60 10Q66 52 70 95",  # steep
    "M30 95Q26 72 20 50",  # upwards
    "M-20 70Q55 73 130 80",  # beyond both edges
    "M50 50Q50 50 50 50",  # a dot
]


def hatching(strokes: list[str], wide: float = 3.0, opacity: float = 1.0) -> str:
    pen = f'fill="none" stroke="#204060" stroke-width="{wide}" stroke-linecap="round" stroke-opacity="{opacity}"'
    return f'<path d="{"".join(strokes)}" class="hatching" {pen} stroke-linejoin="round"/>'


def ours(text: str, side: int) -> NDArray[np.int64]:
    picture = np.full((side, side, 3), 240, dtype=np.uint8)
    pens.laid_over(picture, pens.read(text), Fit(side / 100), never)
    return picture.astype(np.int64)


def theirs(text: str, side: int) -> NDArray[np.int64]:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 100 100">'
    sheet = '<path d="M0 0H100V100H0Z" fill="#f0f0f0"/>'
    return librsvg.pixels(f"{head}{sheet}{text}</svg>", side, side)[..., :3].astype(np.int64)


@pytest.mark.parametrize("side", [100, 240, 600])
@pytest.mark.parametrize("stroke", STROKES)
def test_a_stroke_is_that_of_librsvg(stroke: str, side: int) -> None:
    text = hatching([stroke], opacity=0.5)
    apart = np.abs(ours(text, side) - theirs(text, side)).max(axis=2)
    drawn = (theirs(text, side) < 236).any(axis=2).sum()
    assert drawn > 8
    assert apart.sum() / 100 < 0.06 * drawn + 4  # 100 levels lie between the sheet and the stroke
    assert (apart > 50).sum() < 0.03 * drawn + 2


def test_strokes_of_one_pen_that_cross_are_no_darker_there() -> None:
    both, one = ours(hatching(STROKES[:4], opacity=0.5), 200), ours(hatching(STROKES[:1], opacity=0.5), 200)
    assert both.min() == one.min()
    twice = ours(hatching(STROKES[:1], opacity=0.5) + hatching(STROKES[2:3], opacity=0.5), 200)
    assert twice.min() < one.min()  # of two pens they are


def test_a_pen_that_draws_nothing_changes_nothing() -> None:
    assert (ours(hatching([]), 64) == 240).all()
    assert (ours(hatching(["M900 900Q910 910 920 940"]), 64) == 240).all()


def test_pens_of_two_colours_lie_over_each_other_in_their_order() -> None:
    dark = hatching(STROKES[:1])
    light = dark.replace("#204060", "#ffffff")
    assert ours(dark + light, 100).max() == 255
    assert ours(light + dark, 100).min() == 0x20


def test_what_one_piece_may_take_changes_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    text, paused = hatching(STROKES * 8), list[int]()
    whole = ours(text, 300)
    monkeypatch.setattr(pens, "_TOGETHER", 700)
    picture = np.full((300, 300, 3), 240, dtype=np.uint8)
    pens.laid_over(picture, pens.read(text), Fit(3.0), lambda: paused.append(1))
    assert np.array_equal(picture, whole)
    assert len(paused) > 8


def test_a_picture_in_pencil_is_the_one_that_librsvg_draws_alone() -> None:
    """What a browser shows of the drawing, and what we do, differ by smoothing at edges of strokes."""
    svg = render_svg(styled(SUNSET_MOUNTAINS, Style.PENCIL), 640, 640)
    assert len(re.findall(pens.HATCHING, svg)) == 4
    window = Window(svg, 640, 640)
    document = window._document(window._defs + window.body, 0, 640)
    apart = np.abs(rasterise(svg, 640, 640).astype(int) - librsvg.pixels(document, 640, 640)[..., :3].astype(int))
    assert apart.mean() < 4
    assert (apart > 60).mean() < 0.004
