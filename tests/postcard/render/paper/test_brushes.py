"""Strokes of a brush as stamps, beside those of librsvg."""

import numpy as np
import pytest
from benchmarks.scenes import SCENES, SUNSET_MOUNTAINS, styled
from PIL import Image

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels import brushes, librsvg
from safelight.postcard.render.paper.pixels.bands import Fit, Window, never
from safelight.postcard.scenes.vocabulary import Style


def painting(strokes: str, wide: float, end: str) -> str:
    pen = f'stroke-linecap="{end}" stroke-linejoin="round" stroke-width="{wide}"'
    group = f'<g id="brush-0" fill="none" {pen}><path d="{strokes}" stroke="#102030"/></g>'
    return f'<g id="painting"><path d="M0 0H100V100H0Z" fill="#f0e0d0"/>{group}</g>'


@pytest.mark.parametrize("end", ["round", "square"])
@pytest.mark.parametrize("way", ["40 0", "30 30", "0 40", "-30 30", "-40 3", "20 -36"])
def test_a_stroke_lies_where_that_of_librsvg_does(way: str, end: str) -> None:
    body = painting(f"M50 50l{way}", 8.0, end)
    ours = brushes.painted(body, Fit(1.0), 100, 100, never).astype(int)
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">'
    theirs = librsvg.pixels(f"{head}{body}</svg>", 100, 100)[..., :3].astype(int)
    mine, other = (np.argwhere(picture[..., 0] < 128) for picture in (ours, theirs))
    assert 0.75 < len(mine) / len(other) < 1.15
    assert np.abs(mine.mean(axis=0) - other.mean(axis=0)).max() < 1.5


@pytest.mark.parametrize(("bend", "row"), [("q20 -8 40 0", -1), ("q20 0 40 0", 0), ("q20 8 40 0", 1)])
def test_a_stroke_bends_to_its_side(bend: str, row: int) -> None:
    picture = brushes.painted(painting(f"M30 50{bend}", 9.0, "round"), Fit(1.0), 100, 100, never)
    middle, end = (np.flatnonzero(picture[:, x, 0] < 160).mean() for x in (50, 33))
    assert np.sign(np.round((middle - end) / 1.5)) == row
    back = bend.replace("q20", "q-20").replace(" 40 0", " -40 0")
    turned = brushes.painted(painting(f"M70 50{back}", 9.0, "round"), Fit(1.0), 100, 100, never)
    middle, end = (np.flatnonzero(turned[:, x, 0] < 160).mean() for x in (50, 66))
    assert np.sign(np.round((middle - end) / 1.5)) == row


def test_a_broad_brush_shows_its_bristles_and_a_fine_one_none() -> None:
    def levels(wide: float) -> int:
        picture = brushes.painted(painting("M20 50l60 0", wide, "square"), Fit(1.0), 100, 100, never)
        return len(np.unique(picture[int(50 - wide / 4) : int(50 + wide / 4), 40:60, 0]))

    assert levels(16.0) > 5
    assert levels(6.0) == 1


@pytest.mark.parametrize("size", [(101, 64), (640, 333), (1024, 512)])
def test_a_painting_fills_its_sheet_at_any_size(size: tuple[int, int]) -> None:
    svg = render_svg(styled(SUNSET_MOUNTAINS, Style.OIL), *size)
    picture = rasterise(svg, *size)
    assert picture.shape == (size[1], size[0], 3)
    assert picture[-1].std() > 1
    assert picture[:, -1].std() > 1


@pytest.mark.parametrize("name", SCENES)
def test_a_painting_is_the_one_that_librsvg_draws(name: str) -> None:
    """But for bristles: seen from afar, colours stand where they stand in the drawing."""
    svg = render_svg(styled(SCENES[name], Style.OIL), 512, 512)
    window = Window(svg, 512, 512)
    assert brushes.is_painting(window.body)
    theirs = librsvg.pixels(window._document(window.body, 0, 512), 512, 512)[..., :3]
    ours, theirs = (np.asarray(Image.fromarray(p).reduce(16)).astype(int) for p in (rasterise(svg, 512, 512), theirs))
    assert np.abs(ours - theirs).mean() < 5


def test_a_painting_pauses_between_pieces_and_no_pause_changes_it() -> None:
    svg, paused = render_svg(styled(SUNSET_MOUNTAINS, Style.OIL), 1024, 1024), list[int]()
    assert np.array_equal(rasterise(svg, 1024, 1024, lambda: paused.append(1)), rasterise(svg, 1024, 1024))
    assert 4 <= len(paused) <= 12


def test_other_drawings_are_no_paintings() -> None:
    assert not brushes.is_painting(Window(render_svg(SUNSET_MOUNTAINS, 64, 64), 64, 64).body)
    with pytest.raises(ValueError, match="no painting"):
        brushes.painted("", Fit(1.0), 8, 8, never)
