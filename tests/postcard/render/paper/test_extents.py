"""What a band does not show is left out of its document, and nothing else."""

import math
import re

import numpy as np
import pytest
from benchmarks.scenes import SCENES, SUNSET_MOUNTAINS, styled

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels import bands, extents
from safelight.postcard.render.paper.pixels.bands import Window, never
from safelight.postcard.render.paper.pixels.extents import EVERYWHERE, Drawing
from safelight.postcard.scenes.vocabulary import Style

CASES = [(SUNSET_MOUNTAINS, style) for style in Style if style is not Style.OIL] + [
    (scene, Style.FLAT) for scene in SCENES.values()
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_what_is_left_out_of_a_band_is_not_seen_there(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = 320, 160  # ten bands of sixteen rows, as few as there are
    svg, wholes, left_out = render_svg(styled(*CASES[number]), width, height), dict[str, str](), list[int]()
    monkeypatch.setattr(bands, "_PIECE_MS", 0.2)
    taken, document, between = rasterise(svg, width, height), Window._document, Drawing.between

    def seen(self: Drawing, first: float, last: float) -> str:
        part = between(self, first, last)
        wholes[part] = between(self, -math.inf, math.inf)
        return part

    def whole(self: Window, body: str, top: int, foot: int) -> str:
        left_out.append(len(wholes[body]) - len(body))
        return document(self, wholes[body], top, foot)

    monkeypatch.setattr(Drawing, "between", seen)
    monkeypatch.setattr(Window, "_document", whole)
    assert np.array_equal(taken, rasterise(svg, width, height))
    assert len(left_out) > 3
    assert len(svg) < 10_000 or max(left_out) > 0.2 * len(svg)


def test_a_mirror_image_has_all_that_it_shows() -> None:
    body = (
        '<defs><g id="tree"><path d="M0 0L5 -90L10 0Z"/></g></defs>'
        '<g id="behind"><path d="M0 10H9V20H0Z"/><use href="#tree" transform="translate(5 300) scale(2)"/></g>'
        '<g class="reflection"><use href="#behind" transform="matrix(1 0 0 -0.5 0 600)"/></g>'
    )
    drawing = Drawing(body, never)
    high, tree, water = (drawing.between(*span) for span in ((0, 30), (200, 300), (585, 600)))
    assert "M0 10H9" in high
    assert "#tree" not in high.partition("</defs>")[2]
    assert "#behind" not in high
    assert "#tree" in tree
    assert "M0 10H9" not in tree
    assert "#behind" in water  # at (600 - 585) / 0.5 and above
    assert "M0 10H9" in water
    assert "#tree" not in water.partition("</defs>")[2]


@pytest.mark.parametrize(
    ("part", "low", "high"),
    [
        ("0 5L3 9Q1 -20 4 4Z", -20, 9),
        ("0 5H1000V2H0Z", 2, 5),
        ("10 100q5 -8 10 0", 92, 108),
        ("10 100v-30h20v5Z", 65, 135),
        ("10 100a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", 92, 108),
        ("0 50A9 9 0 0 1 18 52", 32, 70),
        ("28 -1.27.3.3l1 1", *EVERYWHERE),
        ("", *EVERYWHERE),
    ],
)
def test_a_part_of_a_path_lies_within_its_span(part: str, low: float, high: float) -> None:
    assert extents._part(part) == (low, high)


def test_a_turned_shape_and_a_gradient_of_its_own_box_are_kept_whole() -> None:
    parts = "".join(f"M0 {10 * k}L5 {10 * k + 5}" for k in range(20))
    body = f'<path d="{parts}" fill="url(#own)"/><path d="M0 0L1 1" transform="rotate(40 5 5)"/><path d="{parts}"/>'
    found = re.findall("<path[^>]*>", Drawing(body, never).between(100, 120))
    assert found[:2] == re.findall("<path[^>]*>", body)[:2]
    assert found[2].count("M") == 3
