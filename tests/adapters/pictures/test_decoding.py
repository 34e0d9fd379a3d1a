"""Files become pixels: formats, orientation, colour profiles, alpha, masks, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from safelight.adapters.pictures.decoding import decode, prepare
from safelight.service.ports.pictures import DecodedPicture, UnreadablePicture
from tests.sent_pictures import BLUE, RED, file_of, halves, one_colour

WHITE = (255, 255, 255)


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    prepare()


def pixel(picture: DecodedPicture, x: int, y: int) -> tuple[int, ...]:
    at = 3 * (y * picture.width + x)
    return tuple(picture.pixels[at : at + 3])


def near(one: tuple[int, ...], other: tuple[int, ...], within: int = 4) -> bool:
    return all(abs(a - b) <= within for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("format_", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("WEBP", {})]
)
def test_each_format_gives_its_colours(format_: str, options: dict[str, Any]) -> None:
    picture = decode(halves(format_=format_, **options), "image")
    assert (picture.width, picture.height, len(picture.pixels)) == (96, 64, 96 * 64 * 3)
    assert near(pixel(picture, 5, 30), RED, 12)
    assert near(pixel(picture, 90, 30), BLUE, 12)
    assert (picture.mask, picture.scene) == (None, None)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 90, (90, 90, 90)),
        ("1", 1, WHITE),
        ("P", 3, None),
        ("LA", (90, 255), (90, 90, 90)),
        ("RGBA", (*RED, 255), RED),
        ("I;16", 90 << 8, (90, 90, 90)),
        ("I;16", 65535, WHITE),
    ],
)
def test_each_mode_of_a_png_gives_its_colours(mode: str, colour: Any, expected: tuple[int, ...] | None) -> None:
    picture = decode(one_colour(8, 4, colour, mode), "image")
    assert expected is None or near(pixel(picture, 0, 0), expected, 0)
    assert len(picture.pixels) == 8 * 4 * 3


def png_of_16_bits(width: int, height: int, kind: int, samples: tuple[int, ...]) -> bytes:
    """A PNG with 16 bits a sample: `kind` 2 is RGB, 4 grey with alpha, 6 RGB with alpha."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    row = b"\0" + struct.pack(f"!{len(samples)}H", *samples) * width
    head = struct.pack("!IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_sixteen_bits_are_read_by_their_upper_half() -> None:
    colour = tuple((side << 8) + 200 for side in RED)
    assert pixel(decode(png_of_16_bits(4, 4, 2, colour), "image"), 0, 0) == RED
    assert pixel(decode(png_of_16_bits(4, 4, 6, (*colour, 65535)), "image"), 0, 0) == RED
    assert pixel(decode(png_of_16_bits(4, 4, 4, (90 << 8, 65535)), "image"), 0, 0) == (90, 90, 90)


def test_four_inks_become_colours() -> None:
    picture = decode(file_of(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), "image")
    assert near(pixel(picture, 4, 4), (255, 0, 0), 12)


@pytest.mark.parametrize(("orientation", "corner"), [(1, RED), (3, BLUE), (6, RED), (8, BLUE)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_its_exif_says(format_: str, orientation: int, corner: tuple[int, ...]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(halves(format_=format_, exif=exif.tobytes()), "image")
    assert (picture.width, picture.height) == ((64, 96) if orientation in (6, 8) else (96, 64))
    assert near(pixel(picture, 2, 2), corner, 12)


def test_exif_that_cannot_be_read_turns_nothing() -> None:
    picture = decode(halves(format_="JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), "image")
    assert (picture.width, picture.height) == (96, 64)


def swapped() -> bytes:
    """A profile whose red is another than sRGB's."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def test_a_profile_brings_colours_into_srgb() -> None:
    wide = _profile_with_gamma_one()
    plain, told = (decode(one_colour(8, 8, (120, 120, 120), icc_profile=p), "image") for p in (None, wide))
    assert pixel(plain, 0, 0) == (120, 120, 120)
    assert near(pixel(told, 0, 0), (181, 181, 181), 3)  # 0.47 of the light, as sRGB says it


def _profile_with_gamma_one() -> bytes:
    """sRGB's profile with its three curves made straight: light as it is."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = bytearray(srgb)
    count = struct.unpack_from("!I", profile, 128)[0]
    straight = len(profile)
    profile += b"curv" + bytes(4) + struct.pack("!I", 0)
    for index in range(count):
        at = 132 + 12 * index
        if bytes(profile[at : at + 4]) in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into("!II", profile, at + 4, straight, 12)
    struct.pack_into("!I", profile, 0, len(profile))
    return bytes(profile)


# A JPEG has no room for the largest: its 255 segments of 64 KiB, which Pillow does not write.
_NO_PROFILES = {"short": b"nonsense", "empty": b"\0" * 128, "huge": b"x" * (9 << 20)}


@pytest.mark.parametrize(
    ("format_", "profile"),
    [
        pytest.param(format_, profile, id=f"{format_}-{name}")
        for format_ in ("JPEG", "WEBP")
        for name, profile in _NO_PROFILES.items()
        if (format_, name) != ("JPEG", "huge")
    ],
)
def test_a_profile_that_cannot_be_read_counts_as_none(format_: str, profile: bytes) -> None:
    assert near(pixel(decode(one_colour(8, 8, RED, format_=format_, icc_profile=profile), "image"), 0, 0), RED, 12)


def test_a_profile_of_other_channels_counts_as_none() -> None:
    assert pixel(decode(one_colour(8, 8, RED, icc_profile=swapped()), "image"), 0, 0) == RED


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_counts(format_: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    content = file_of(frames[0], format_, save_all=True, append_images=frames[1:], duration=50, lossless=True)
    assert near(pixel(decode(content, "image"), 0, 0), RED)


def with_alpha(*alphas: int, colour: tuple[int, int, int] = RED) -> bytes:
    """A row of pixels of one colour with these alphas."""
    picture = Image.new("RGBA", (len(alphas), 1))
    for x, alpha in enumerate(alphas):
        picture.putpixel((x, 0), (*colour, alpha))
    return file_of(picture)


def test_transparent_parts_that_mean_no_mask_stand_on_white() -> None:
    picture = decode(with_alpha(0, 255), "image")
    assert [pixel(picture, x, 0) for x in range(2)] == [WHITE, RED]
    assert picture.mask is None


def test_transparent_parts_of_a_picture_that_means_a_mask_are_drawn_anew() -> None:
    picture = decode(with_alpha(0, 127, 128, 255), "image with a mask")
    assert picture.mask == bytes((255, 255, 0, 0))
    assert {pixel(picture, x, 0) for x in range(4)} == {RED}


def test_alpha_that_is_nowhere_under_half_is_no_mask() -> None:
    picture = decode(with_alpha(255, 200), "image with a mask")
    assert picture.mask is None
    assert near(pixel(picture, 1, 0), (212, 79, 79), 2)


def test_a_palettes_transparent_colour_is_alpha() -> None:
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([*RED, *BLUE])
    palette.putpixel((1, 0), 1)
    picture = decode(file_of(palette, transparency=1), "image with a mask")
    assert picture.mask == bytes((0, 255))


def test_a_mask_is_its_transparent_part_else_its_white_one() -> None:
    assert decode(with_alpha(0, 127, 128, 255), "mask").pixels == bytes((255, 255, 0, 0))
    grey = Image.new("L", (4, 1))
    for x, value in enumerate((0, 127, 128, 255)):
        grey.putpixel((x, 0), value)
    assert decode(file_of(grey), "mask").pixels == bytes((0, 0, 255, 255))
    assert decode(file_of(grey.convert("RGB")), "mask").pixels == bytes((0, 0, 255, 255))


def test_an_alpha_channel_that_is_opaque_everywhere_counts_as_none() -> None:
    assert decode(with_alpha(255, 255, colour=WHITE), "mask").pixels == bytes((255, 255))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_the_scene_of_our_own_drawings_is_read(format_: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><safelight:scene>{&quot;boats&quot;: 2}</safelight:scene></x:xmpmeta>'
    options: dict[str, Any] = {"xmp": xmp}
    if format_ == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options = {"pnginfo": info}
    assert decode(one_colour(8, 8, format_=format_, **options), "image").scene == b'{"boats": 2}'


def test_a_scene_beyond_any_of_ours_is_not_read() -> None:
    xmp = b"<safelight:scene>" + b"x" * 100_000 + b"</safelight:scene>"
    assert decode(one_colour(8, 8, format_="WEBP", xmp=xmp), "image").scene is None


def refused(content: bytes) -> str:
    with pytest.raises(UnreadablePicture) as caught:
        decode(content, "image")
    return str(caught.value)


def test_what_is_no_picture_is_refused() -> None:
    assert refused(b"") == "is empty"
    for content in (
        b"hello",
        file_of(Image.new("P", (4, 4)), "GIF"),
        file_of(Image.new("RGB", (4, 4)), "BMP"),
        b"\x89PNG",
    ):
        assert refused(content) == "is no PNG, JPEG or WebP file that can be read"
    assert refused(b'<svg xmlns="http://www.w3.org/2000/svg"/>').startswith("is no PNG")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_what_is_cut_short_is_refused(format_: str) -> None:
    content = file_of(Image.effect_noise((256, 256), 80).convert("RGB"), format_)
    assert refused(content[: len(content) // 2]) in (
        "is cut short",
        "is damaged",
        "is no PNG, JPEG or WebP file that can be read",
    )


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    assert "has 40000x40000 pixels; a side may have at most 16384" in refused(_bomb(40_000, 40_000))
    assert refused(_bomb(8001, 5000)) == "has 8001x5000 pixels; at most 40,000,000 pixels are read"


def _bomb(width: int, height: int) -> bytes:
    """A PNG that says a size and holds nothing."""
    content = bytearray(file_of(Image.new("L", (1, 1))))
    struct.pack_into("!II", content, 16, width, height)
    struct.pack_into("!I", content, 29, zlib.crc32(content[12:29]))
    return bytes(content)


def test_compressed_text_that_unpacks_to_too_much_is_refused_or_left_out() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * (40 << 20), zip=True)
    file = io.BytesIO()
    Image.new("RGB", (4, 4), RED).save(file, "PNG", pnginfo=info)
    assert refused(file.getvalue()) in ("is damaged", "is no PNG, JPEG or WebP file that can be read")
