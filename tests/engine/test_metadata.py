from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from safelight.contract.picture_files.provenance import DIGITAL_SOURCE_TYPE
from safelight.contract.requests.order import Order
from safelight.engine.output.encode import encode
from safelight.engine.output.metadata import NAMESPACE
from tests.engine.test_encode import FACTS, job, noise, opened

FORMATS = ["png", "jpeg", "webp"]
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def xmp(image: Image.Image) -> ElementTree.Element | None:
    """The XMP that Pillow finds in the file, parsed as XML."""
    packet: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return None if packet is None else ElementTree.fromstring(packet)


def source_type(image: Image.Image) -> str | None:
    root = xmp(image)
    return None if root is None else root.findtext(f".//{SOURCE_TYPE}")


def request(image: Image.Image) -> dict[str, Any] | None:
    root = xmp(image)
    text = None if root is None else root.findtext(f".//{{{NAMESPACE}}}request")
    return None if text is None else dict(json.loads(text))


def parameters(image: Image.Image) -> str | None:
    if "parameters" in image.info:
        return str(image.info["parameters"])
    comment = image.getexif().get_ifd(0x8769).get(0x9286)
    return None if comment is None else comment.removeprefix(b"UNICODE\0").decode("utf-16-be")


def drawn(**changes: Any) -> tuple[Order, Image.Image]:
    wanted = job(**changes)
    return wanted, opened(encode(noise(), wanted, FACTS))


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_file_says_that_a_model_made_it_and_by_default_nothing_more(output_format: str) -> None:
    _, image = drawn(output_format=output_format)
    assert source_type(image) == DIGITAL_SOURCE_TYPE
    assert request(image) is None
    assert parameters(image) is None
    assert b"a cat" not in encode(noise(), job(output_format=output_format), FACTS)


@pytest.mark.parametrize("output_format", FORMATS)
def test_none_removes_all(output_format: str) -> None:
    _, image = drawn(output_format=output_format, metadata="none")
    assert xmp(image) is None
    assert parameters(image) is None


@pytest.mark.parametrize("output_format", FORMATS)
def test_full_holds_the_whole_request_whatever_the_prompt(output_format: str) -> None:
    prompt = 'a <cat> & "dog" ]]>, ночь 夜 🌙 \x01\x1b\tend {more}'
    _, image = drawn(output_format=output_format, metadata="full", prompt=prompt, negative_prompt="fog & mist")
    assert source_type(image) == DIGITAL_SOURCE_TYPE
    found = request(image)
    assert found is not None
    assert {name: found[name] for name in ("prompt", "negative_prompt", "size", "seed", "steps", "guidance_scale")} == {
        "prompt": prompt,
        "negative_prompt": "fog & mist",
        "size": "33x17",
        "seed": 7,
        "steps": 8,
        "guidance_scale": 3.5,
    }
    assert (found["model"], found["drawn_by"]) == ("stable-image-ultra", "postcard")
    text = parameters(image)
    assert text is not None
    assert text.splitlines()[-2] == "Negative prompt: fog & mist"
    assert text.splitlines()[-1].startswith(
        "Steps: 8, CFG scale: 3.5, Seed: 7, Size: 33x17, Model: postcard, Version: "
    )


def test_plain_prompts_are_written_as_latin_text_which_every_tool_reads() -> None:
    plain, _ = encode(noise(), job(metadata="full"), FACTS), None
    assert b"tEXtparameters\0a cat\nSteps: 8" in plain
    other = encode(noise(), job(metadata="full", prompt="夜"), FACTS)
    assert b"iTXtparameters\0" in other


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_longest_prompts_still_make_a_file_that_opens(output_format: str) -> None:
    _, image = drawn(output_format=output_format, metadata="full", prompt="🌙" * 10_000, negative_prompt="夜" * 10_000)
    assert source_type(image) == DIGITAL_SOURCE_TYPE
    if output_format != "jpeg":  # a JPEG's segments hold 64 KiB
        found = request(image)
        assert found is not None
        assert found["prompt"] == "🌙" * 10_000


def test_no_file_holds_a_time() -> None:
    for output_format in FORMATS:
        wanted = job(output_format=output_format, metadata="full")
        data = encode(noise(), wanted, FACTS)
        assert b"tIME" not in data
        assert b"Date" not in data
        exif = opened(data).getexif()
        date_time, original, digitized = 0x0132, 0x9003, 0x9004
        assert {date_time, original, digitized}.isdisjoint({*exif, *exif.get_ifd(0x8769)})
