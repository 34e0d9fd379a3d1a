"""Every style draws everything, and is one object."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from benchmarks.scenes import SCENES, SMALL, STILL_LIFE, SUNSET_MOUNTAINS, spread, styled
from numpy.typing import NDArray

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.canvas import Line, circle
from safelight.postcard.render.paper.colour import BLACK, WHITE, Rgb, mix
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.paper.pixels.bands import never
from safelight.postcard.render.paper.pixels.raster import small as small_sheet
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.styles import STYLES
from safelight.postcard.render.techniques.margin import margin
from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.render.techniques.pieces import document
from safelight.postcard.scenes.scene import Scene, Sky, Thing, World
from safelight.postcard.scenes.vocabulary import (
    Light,
    MoonPhase,
    SkyBody,
    Style,
)


@pytest.mark.parametrize("style", Style)
def test_every_style_draws_every_moon(style: Style) -> None:
    for phase in MoonPhase:
        sky = Sky(SkyBody.MOON, 0.5, 0.8, 0.9, phase=phase)
        assert spread(Scene(World(light=Light.NIGHT, style=style, sky=sky)), (96, 96)) > 0


@pytest.mark.parametrize("style", [Style.STAINED_GLASS, Style.OIL, Style.PIXEL, Style.LOW_POLY])
def test_a_long_picture_is_put_together_anew(style: Style) -> None:
    scene = styled(SUNSET_MOUNTAINS, style)
    assert rasterise(render_svg(scene, 384, 32), 384, 32).std() > 0


def test_the_sheet_of_a_long_picture_is_of_bounded_size() -> None:
    assert small_sheet(render_svg(SUNSET_MOUNTAINS, 1024, 64), 1024, 64, 320, never).shape[1] == 2560


@cache
def in_no_style(size: tuple[int, int]) -> NDArray[np.uint8]:
    return rasterise(render_svg(STILL_LIFE, *size), *size)


@pytest.mark.parametrize("style", Style)
def test_every_style_changes_the_picture_at_sizes_of_its_share(style: Style) -> None:
    there = styled(STILL_LIFE, style)
    order = list(Style).index(style)
    for size in (SMALL[order % 9], SMALL[(order + 4) % 9], SMALL[(order + 6) % 9]):
        plain = in_no_style(size).astype(int)
        other = rasterise(render_svg(there, *size), *size).astype(int)
        assert other.shape == plain.shape
        assert (np.abs(other - plain).mean() > 1.5) == (style is not Style.FLAT)


def _warm(colour: Rgb) -> Rgb:
    return mix((0.9, 0.5, 0.1), colour, 0.3)


def _stamped(stage: Stage) -> None:
    stage.canvas.path(circle(500, 500, 100), BLACK)


def _framed(stage: Stage, svg: str, width: int, height: int) -> str:
    return document(stage, width, height, "made-anew", svg)


def _edged(stage: Stage) -> None:
    margin(stage, WHITE, 60, 0, "edge")


MADE_UP = Medium(Look(_warm, Line(3.0, BLACK)), hatching=_stamped, finish=_edged)
"""A style that no file of the renderer knows."""


@pytest.mark.parametrize("name", ["sunset mountains", "boats at noon", "storm over hills"])
def test_panes_of_glass_are_broader_than_their_lead(name: str) -> None:
    """Of what glitters and of shores with trees three panes of ten were thinner, and what was seen of them was lead."""
    svg = render_svg(styled(SCENES[name], Style.STAINED_GLASS), 256, 256)
    panes = re.findall(r'd="([^"]*)"', svg[svg.index('<g id="panes"') : svg.index('<g id="figures"')])
    borders = [part.split("Q")[1:] for d in panes for part in d.split("M")[1:]]
    thin = 0
    for border in borders:
        x, y = np.array([curve.strip("Z").split()[2:] for curve in border], dtype=float).T
        area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        thin += bool(area < 3.5 * np.hypot(x - np.roll(x, -1), y - np.roll(y, -1)).sum())
    assert len(borders) > 90
    assert thin < 0.12 * len(borders)


def test_a_new_style_is_one_object() -> None:
    svg = render_svg(SUNSET_MOUNTAINS, 200, 200, medium=MADE_UP)
    picture = rasterise(svg, 200, 200)
    assert picture[100, 100].tolist() == [round(255 * part) for part in _warm(BLACK)]  # the stamp
    assert picture[3, 3].tolist() == [255, 255, 255]  # the margin
    land = picture[20:180, 20:80].reshape(-1, 3).astype(int)
    assert (land[:, 0] >= land[:, 2]).all()  # every colour passed the tone
    assert svg.index('class="margin"') > svg.index('<g id="finish">')
    anew = render_svg(SUNSET_MOUNTAINS, 200, 200, medium=replace(MADE_UP, maker=_framed))
    assert anew.index('<g id="made-anew"') < anew.index('class="margin"')


def test_a_look_sets_things_aside_and_cuts_the_sun() -> None:
    aside, sunny = Line(2.0, WHITE), replace(SUNSET_MOUNTAINS, things=(Thing("oak", 0.5, 0.8),))
    plain, striped, apart = (
        render_svg(sunny, 200, 200, medium=Medium(look))
        for look in (Look(_warm), Look(_warm, striped_sun=True), Look(_warm, set_aside=aside))
    )
    assert striped != plain
    assert 'class="thing"' in plain
    assert 'class="thing"' not in apart


@pytest.mark.parametrize("style", Style)
def test_each_word_of_the_vocabulary_has_its_file_and_object(style: Style) -> None:
    assert isinstance(STYLES[style], Medium)
    assert render_svg(styled(STILL_LIFE, style), 96, 96) == render_svg(STILL_LIFE, 96, 96, medium=STYLES[style])
