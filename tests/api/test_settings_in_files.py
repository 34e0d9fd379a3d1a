"""Pictures that say what they were made with, whatever the server writes into its files (CONTRACT 7)."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from PIL import Image

from safelight.adapters.preview_files import png_info
from safelight.contract.picture_files.embedding import scene_element, with_settings
from safelight.contract.picture_files.provenance import DIGITAL_SOURCE_TYPE, description, packet
from safelight.contract.records.jobs import JobRecord, Origin, Wanted

_PROMPT = "a fox & <a> „hare“ 🦊\nsecond line"
_REQUEST = re.compile(rb"<safelight:request[^>]*>(.*?)</safelight:request>", re.DOTALL)


def _job(output_format: str, prompt: str = _PROMPT) -> JobRecord:
    request: dict[str, Any] = {"model": "postcard", "prompt": prompt, "seed": 0, "steps": 3}
    wanted = Wanted(
        model="postcard",
        drawn_by="postcard",
        request=request,
        seed=42,
        width=64,
        height=48,
        output_format=output_format,
    )
    return JobRecord(id="job_1", origin=Origin(owner="me", request_id="r", created=1.0), wanted=wanted)


def _file(output_format: str, xmp: bytes, mode: str = "RGB") -> bytes:
    picture = Image.radial_gradient("L").resize((64, 48)).convert(mode)
    file = io.BytesIO()
    if output_format == "png":
        picture.save(file, "PNG", pnginfo=png_info(xmp))
    else:
        picture.save(file, output_format, xmp=xmp, lossless=mode == "RGBA")
    return file.getvalue()


def _said(file: bytes) -> dict[str, Any]:
    found = _REQUEST.findall(file)
    assert len(found) == 1
    text = found[0].decode().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    said: dict[str, Any] = orjson.loads(text)
    return said


@pytest.mark.parametrize("xmp", [b"", packet(description())], ids=["unmarked", "marked"])
@pytest.mark.parametrize(
    ("output_format", "mode"), [("png", "RGB"), ("jpeg", "RGB"), ("webp", "RGB"), ("webp", "RGBA")]
)
def test_the_request_goes_in_and_the_pixels_stay(output_format: str, mode: str, xmp: bytes) -> None:
    before = _file(output_format, xmp, mode)
    after = with_settings(before, _job(output_format))
    said = _said(after)
    assert (said["prompt"], said["seed"], said["size"], said["steps"]) == (_PROMPT, 42, "64x48", 3)
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert (new.size, new.mode) == (old.size, old.mode)
        assert new.tobytes() == old.tobytes()
    assert after.count(DIGITAL_SOURCE_TYPE.encode()) == 1
    assert with_settings(after, _job(output_format)) == after


def test_a_file_of_another_format_comes_back_as_it_is() -> None:
    assert with_settings(b"of a format to come", _job("avif")) == b"of a format to come"


def test_what_can_be_seen_through_stays_so() -> None:
    picture = Image.radial_gradient("L").resize((64, 48)).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((64, 48)))
    file = io.BytesIO()
    picture.save(file, "webp", lossless=True)
    with Image.open(io.BytesIO(with_settings(file.getvalue(), _job("webp")))) as new:
        assert new.mode == "RGBA"
        assert new.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_what_the_files_own_xmp_says_is_kept() -> None:
    own = packet(description("<scene:drawing xmlns:scene='urn:scene'>hills</scene:drawing>"))
    after = with_settings(_file("png", own), _job("png"))
    assert b"hills" in after
    assert _said(after)["seed"] == 42


def test_a_scene_is_the_text_of_an_element_whatever_it_holds() -> None:
    scene = '{"words": "a <a> & b"}'
    assert ElementTree.fromstring(scene_element(scene)).text == scene


@pytest.mark.parametrize("about", ["", f"<metadata>{description()}</metadata>"])
def test_a_drawing_says_it_in_its_metadata(about: str) -> None:
    after = with_settings(f'<svg xmlns="http://www.w3.org/2000/svg">{about}<rect/></svg>'.encode(), _job("svg"))
    assert _said(after)["prompt"] == _PROMPT
    assert after.count(b"<metadata>") == 1
    assert after.endswith(b"<rect/></svg>")


def test_a_prompt_too_long_for_a_jpeg_leaves_the_file_as_it_is() -> None:
    before = _file("jpeg", packet(description()))
    assert with_settings(before, _job("jpeg", "x" * 70_000)) == before
