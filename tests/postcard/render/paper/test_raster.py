"""Facts about pixels: that pieces of work and pauses between them change none."""

import zlib
from itertools import product

import numpy as np
import pytest
from benchmarks.scenes import SCENES, SUNSET_MOUNTAINS, styled
from numpy.typing import NDArray
from PIL import Image

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.render.paper.pixels import bands
from safelight.postcard.render.paper.pixels.raster import lay_over
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Style

WIDE, HALF, TALL = (768, 320), (384, 320), (208, 500)


def banded(monkeypatch: pytest.MonkeyPatch, svg: str, size: tuple[int, int], piece: float) -> NDArray[np.int64]:
    """The drawing in bands of about so many milliseconds."""
    monkeypatch.setattr(bands, "_PIECE_MS", piece)
    return rasterise(svg, *size).astype(np.int64)


def seam(monkeypatch: pytest.MonkeyPatch, scene: Scene, size: tuple[int, int]) -> NDArray[np.int64]:
    """By how many levels the drawing in nine bands or more differs from that in one piece: the most of each pixel."""
    svg = render_svg(scene, *size)
    whole = banded(monkeypatch, svg, size, 1e9)
    apart: NDArray[np.int64] = np.abs(banded(monkeypatch, svg, size, 0.8) - whole).max(axis=2)
    return apart


@pytest.mark.parametrize(("style", "size"), [*product(Style, [WIDE, TALL]), (Style.INK, (1536, 640))])
def test_a_picture_in_bands_is_the_one_in_one_piece(
    style: Style, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shapes are the same but for single pixels where a band begins; gradients are rounded by where it does."""
    apart = seam(monkeypatch, styled(SUNSET_MOUNTAINS, style), size)
    assert (apart > 4).mean() < 2e-5
    assert apart.max() <= 32
    assert (apart > 1).mean() < 0.01
    if style in (Style.OIL, Style.PIXEL, Style.LOW_POLY):  # no gradient
        assert (apart > 0).mean() < 1e-3


@pytest.mark.parametrize("name", [name for name, scene in SCENES.items() if scene != SUNSET_MOUNTAINS])
def test_every_scene_in_bands_is_the_one_in_one_piece(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as wide: a seam runs along a row. The scene above is seen there in all styles."""
    style = list(Style)[zlib.crc32(name.encode()) % len(Style)]
    apart = np.concatenate(
        [seam(monkeypatch, styled(SCENES[name], some), HALF) for some in {Style.FLAT, Style.INK, style}]
    )
    assert (apart > 4).mean() < 2e-5
    assert apart.max() <= 32
    assert (apart > 1).mean() < 0.01


def test_a_sheet_is_laid_over_a_picture_as_pillow_does_it() -> None:
    """Every opacity over every level."""
    level, opacity = np.mgrid[0:256, 0:256].astype(np.uint8)
    picture = np.stack((level, level[::-1], level ^ 85, np.full_like(level, 255)), axis=2)
    sheet = np.stack((level[::-1], opacity, level ^ opacity, opacity), axis=2)
    wanted = Image.fromarray(picture[..., :3].copy())
    wanted.paste(Image.fromarray(sheet), (0, 0), Image.fromarray(sheet))
    lay_over(picture, sheet)
    assert np.array_equal(picture[..., :3], np.asarray(wanted))


def test_what_is_no_drawing_is_said() -> None:
    for wrong in ("", "no drawing", "<svg>", '<svg viewBox="0 0 4 4"><g></svg>'):
        with pytest.raises(ValueError, match="no SVG drawing"):
            rasterise(wrong, 16, 16)


def test_pausing_changes_no_byte() -> None:
    scene = styled(SUNSET_MOUNTAINS, Style.INK)
    paused = list[int]()
    svg = render_svg(scene, 640, 640, lambda: paused.append(1))
    assert paused
    assert svg == render_svg(scene, 640, 640)
    assert np.array_equal(rasterise(svg, 640, 640, lambda: paused.append(1)), rasterise(svg, 640, 640))
