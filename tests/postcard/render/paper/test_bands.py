"""Facts about pieces of work: sheets and bands."""

import re

import numpy as np
import pytest
from benchmarks.scenes import SCENES, SUNSET_MOUNTAINS, styled

from safelight.postcard.render import render_svg
from safelight.postcard.render.paper import textures
from safelight.postcard.render.paper.pixels import bands, bloom, librsvg
from safelight.postcard.render.paper.pixels.bands import Fit, Window, never
from safelight.postcard.scenes.vocabulary import Style


@pytest.mark.parametrize("size", [(1024, 1024), (640, 1536), (2048, 4096), (1000, 70), (333, 1571), (16, 16)])
def test_pieces_cover_every_row_and_only_sheets_do_so_twice(size: tuple[int, int]) -> None:
    window = Window(render_svg(styled(SUNSET_MOUNTAINS, Style.PENCIL), *size), *size)
    pieces = list(window.pieces(window.body, never))
    if pieces[0].foot == size[1]:
        assert {(piece.top, piece.foot) for piece in pieces} == {(0, size[1])}
    else:
        assert [row for piece in pieces for row in range(piece.top, piece.foot)] == list(range(size[1]))
    assert len(pieces) > size[0] * size[1] / 2**20


@pytest.mark.parametrize(("pieces", "count"), [(1.5, 2), (2.4, 3)])
def test_sheets_are_the_drawing_in_one(pieces: float, count: int) -> None:
    """Each is had from a document of its own, with what it shows of those below in a mirror."""
    size, apart = (512, 512), 0
    for name, scene in SCENES.items():
        window = Window(render_svg(styled(scene, Style.FLAT), *size), *size)
        sheets = window._sheets(window.body, pieces)
        if sheets is None:
            continue
        apart += 1
        assert len(sheets) == count
        below, *others = (librsvg.pixels(window._document(sheet, 0, size[1]), *size).astype(float) for sheet in sheets)
        whole = librsvg.pixels(window._document(window._defs + window.body, 0, size[1]), *size)[..., :3]
        laid = below[..., :3]
        for above in others:
            share = above[..., 3:] / 255
            assert 0 < share.mean() < 1, name
            laid = laid * (1 - share) + above[..., :3] * share
        assert np.abs(laid - whole).max() < 4, name
    assert apart > len(SCENES) / 2


def test_no_sheet_takes_more_than_a_piece() -> None:
    """Where one element has most of a drawing, sheets would not help."""
    one = '<g id="all" transform="scale(2 2)">' + '<path d="M0 0L9 9" fill="#000000"/>' * 400 + "</g>"
    window = Window(f'<svg viewBox="0 0 9 9">{one}<path d="M0 0L1 1"/></svg>', 64, 64)
    assert window._sheets(window.body, 1.9) is None
    assert window._sheets(window.body, 0.9) is not None


def test_a_group_that_only_names_is_cut_and_one_that_is_shown_again_is_not() -> None:
    parts = [f'<path d="M0 {k}L9 9" fill="#000000"/>' for k in range(40)]
    svg = f'<svg viewBox="0 0 9 9"><g id="wood" class="layer">{"".join(parts)}</g></svg>'
    window = Window(svg, 64, 64)
    assert window._sheets(window.body, 1.9) == ["".join(parts[:20]), "".join(parts[20:])]
    mirrored = Window(svg.replace("</svg>", '<use href="#wood"/></svg>'), 64, 64)
    assert mirrored._sheets(mirrored.body, 1.9) is None


def test_a_drawing_in_outlines_is_cut_by_depth_too() -> None:
    """Five bands of it, each read and walked anew, took 1.4 times as long."""
    for scene in (SUNSET_MOUNTAINS, SCENES["winter aurora"]):
        svg, _ = textures.taken_off(render_svg(styled(scene, Style.WATERCOLOUR), 1024, 1024))
        window = Window(svg, 1024, 1024)
        pieces = list(window.pieces(window.body, never))
        assert 2 <= len(pieces) <= 3
        assert {(piece.top, piece.foot) for piece in pieces} == {(0, 1024)}


def test_a_drawing_is_fitted_into_its_sheet() -> None:
    assert Window('<svg viewBox="0 0 100 100"></svg>', 400, 200).fit == Fit(2.0, 100.0, 0.0)
    assert Fit(2.0, 100.0, 8.0).times(0.5) == Fit(1.0, 50.0, 4.0)


@pytest.mark.parametrize("style", [Style.PENCIL, Style.INK, Style.NEON, Style.FLAT, Style.PAPER])
@pytest.mark.parametrize("size", [(1024, 1024), (1536, 640), (2048, 2048)])
def test_a_piece_holds_what_it_may_take(style: Style, size: tuple[int, int]) -> None:
    """Work is counted: rows, characters read, strokes drawn. On an AMD EPYC that is 50 ms at most."""
    window = Window(drawn(style, size), *size)
    for top, foot, document in window.pieces(window.body, never):
        if foot - top > bands._LEAST_ROWS:
            shown = document[document.rindex("</defs>") :]
            share = 1.0 if foot - top < size[1] else (foot - top) / size[1]
            assert (foot - top) * size[0] * 6e-6 + len(shown) * 0.055e-3 * share <= 36


def test_a_drawing_is_cut_no_oftener_than_it_must_be() -> None:
    """Each band is read and walked anew: seventeen of neon took twice the time of seven, which took twice that of two
    sheets.
    """
    for style in (Style.NEON, Style.PENCIL, Style.INK, Style.FLAT):
        window = Window(drawn(style, (1024, 1024)), 1024, 1024)
        assert len(list(window.pieces(window.body, never))) == 2, style


def drawn(style: Style, size: tuple[int, int]) -> str:
    """What librsvg draws of a picture in that style."""
    svg, _ = bloom.taken_off(render_svg(styled(SUNSET_MOUNTAINS, style), *size))
    return re.sub(r'<path[^>]*class="hatching"[^>]*>', "", svg)
