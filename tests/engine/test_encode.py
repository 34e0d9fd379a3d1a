from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.contract.requests.order import Order
from safelight.engine.output import encode as module
from safelight.engine.output.encode import encode
from safelight.engine.output.metadata import Facts
from tests.orders import order

FACTS = Facts(used={"steps": 8, "guidance_scale": 3.5}, drawn_by="postcard")


def job(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "id": "job",
        "model": "stable-image-ultra",
        "source": "postcard",
        "prompt": "a cat",
        "negative_prompt": "",
        "width": 33,
        "height": 17,
        "seed": 7,
        "output_format": "png",
    }
    return order(**(fields | changes))


def noise(mode: str = "RGB") -> Image.Image:
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    values = np.random.default_rng(0).integers(0, 256, (17, 33, *channels), dtype=np.uint8)
    return Image.fromarray(values)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """A PNG's chunks, their CRCs checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack("!I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack("!I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        at += 12 + length
    return found


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_png_holds_exactly_the_pixels(mode: str) -> None:
    image = opened(encode(noise(mode), job(), FACTS))
    assert image.mode == mode
    assert np.array_equal(np.asarray(image), np.asarray(noise(mode)))


def test_a_picture_in_a_mode_that_png_has_not_becomes_rgb() -> None:
    picture = noise().convert("YCbCr")
    assert np.array_equal(np.asarray(opened(encode(picture, job(), FACTS))), np.asarray(picture.convert("RGB")))


def test_a_pngs_chunks_are_whole_and_in_order() -> None:
    png = encode(noise(), job(metadata="full"), FACTS)
    assert [kind for kind, _ in chunks(png)] == [b"IHDR", b"iTXt", b"tEXt", b"IDAT", b"IEND"]


def test_the_bytes_are_the_same_every_time() -> None:
    for output_format in ("png", "jpeg", "webp"):
        wanted = job(output_format=output_format, metadata="full")
        assert encode(noise(), wanted, FACTS) == encode(noise(), wanted, FACTS)


@pytest.mark.parametrize(("output_format", "name"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_lossy_formats_stay_close_to_the_pixels(output_format: str, name: str) -> None:
    smooth = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    image = opened(encode(smooth, job(output_format=output_format), FACTS))
    assert image.format == name
    assert image.size == (64, 64)
    difference = np.asarray(image.convert("RGB")).astype(int) - np.asarray(smooth)
    assert np.abs(difference).max() <= 8


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_the_compression_asked_for_is_the_quality_that_is_kept(output_format: str) -> None:
    files = [
        encode(noise(), job(output_format=output_format, compression=quality), FACTS) for quality in (0, 30, 60, 100)
    ]
    assert sorted(map(len, files)) == list(map(len, files))
    assert len(set(map(len, files))) == 4
    unsaid = encode(noise(), job(output_format=output_format), FACTS)
    assert unsaid == encode(noise(), job(output_format=output_format, compression=90), FACTS)


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
@pytest.mark.parametrize("compression", [0, 50, 100])
def test_a_compressed_file_is_the_same_every_time_and_says_that_it_was_generated(
    output_format: str, compression: int
) -> None:
    wanted = job(output_format=output_format, compression=compression, metadata="full")
    file = encode(noise(), wanted, FACTS)
    assert file == encode(noise(), wanted, FACTS)
    assert b"trainedAlgorithmicMedia" in file
    assert f'"output_compression": {compression}'.encode() in file


def test_webp_at_its_best_loses_nothing() -> None:
    file = encode(noise(), job(output_format="webp", compression=100), FACTS)
    assert np.array_equal(np.asarray(opened(file).convert("RGB")), np.asarray(noise()))


def test_without_isal_pillow_writes_the_same_pixels_and_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = job(metadata="full", prompt="eine Katze, ночь")
    with_isal = opened(encode(noise(), wanted, FACTS))
    monkeypatch.setattr(module, "isal_zlib", None)
    without = opened(encode(noise(), wanted, FACTS))
    assert np.array_equal(np.asarray(without), np.asarray(with_isal))
    assert without.info == with_isal.info
    assert "pillow" in module.encoder_settings()


def test_a_drawing_becomes_svg_with_its_metadata_inside() -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="10"><rect width="10"/></svg>'
    marked = encode(drawing, job(output_format="svg"), FACTS).decode()
    assert marked.startswith('<svg xmlns="http://www.w3.org/2000/svg" width="10"><metadata><rdf:RDF')
    assert "trainedAlgorithmicMedia" in marked
    assert marked.endswith('</metadata><rect width="10"/></svg>')
    assert encode(drawing, job(output_format="svg", metadata="none"), FACTS).decode() == drawing


def test_pixels_are_not_called_svg_nor_a_drawing_png() -> None:
    with pytest.raises(ValueError, match="pixels"):
        encode(noise(), job(output_format="svg"), FACTS)
    with pytest.raises(ValueError, match="drawing"):
        encode("<svg></svg>", job(), FACTS)
