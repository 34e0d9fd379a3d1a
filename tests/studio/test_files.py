"""Files from anywhere: their settings are read beside the page, which stays alive whatever they hold."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.studio.visit import Visit


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


def _png(*chunks: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 4))
        + _chunk(b"IEND", b"")
    )


def _text(name: str, value: str) -> bytes:
    return _chunk(b"tEXt", name.encode() + b"\0" + value.encode("latin-1"))


def _graph(seed: int) -> str:
    sampler = {"seed": seed, "steps": 20, "positive": ["2", 0], "latent_image": ["3", 0]}
    return json.dumps(
        {
            "1": {"class_type": "KSampler", "inputs": sampler},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox"}},
            "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 1024}},
        }
    )


def _branching(depth: int) -> str:
    graph: dict[str, Any] = json.loads(_graph(1))
    graph["1"]["inputs"]["positive"] = ["n0", 0]
    for n in range(depth):
        graph[f"n{n}"] = {"class_type": "T", "inputs": {"a": [f"n{n + 1}", 0], "b": [f"n{n + 1}", 0]}}
    return json.dumps(graph)


def _exif(entries: int, size: int) -> bytes:
    data = b"II*\0" + struct.pack("<IH", 8, entries)
    data += b"".join(struct.pack("<HHII", 0x010E, 2, size - 8, 8) for _ in range(entries))
    return data + b"\xe9" * (size - len(data))


def _open(page: Page, name: str, data: bytes) -> None:
    file: Any = {"name": name, "mimeType": "image/png", "buffer": data}
    page.get_by_label("Read the settings of a picture").set_input_files(file)


@pytest.mark.parametrize(
    ("name", "seed", "shown"),
    [
        ("of 20 digits", 2**64 - 1, "18446744073709551615"),
        ("of 15 digits", 804822466654819, "804822466654819"),
        ("of none", 0, "0"),
    ],
)
def test_a_seed_that_cannot_be_used_here_is_named_and_left_fresh(
    visit: Visit, name: str, seed: int, shown: str
) -> None:
    page = visit.page
    _open(page, f"{name}.png", _png(_text("prompt", _graph(seed))))
    dialog = page.get_by_role("dialog", name="Made with ComfyUI")
    expect(dialog.get_by_text(shown, exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Use everything").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text(f"the seed {shown} (the next picture gets a new one)")).to_be_visible()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_title("Open the picture").get_by_role("img", name="a red fox")).to_be_visible()


def test_pictures_that_were_made_to_freeze_the_page_do_not(visit: Visit) -> None:
    page = visit.page
    inflating = zlib.compress(b"a" * (63 << 20), 9)
    files = {
        "spaces.png": _png(_text("parameters", "x\nSteps" + " " * 400_000 + "!")),
        "inflating.png": _png(*[_chunk(b"zTXt", b"k%d\0\0" % n + inflating) for n in range(20)]),
        "exif.png": _png(_chunk(b"eXIf", _exif(65_535, 1_000_000))),
    }
    for name, data in files.items():
        _open(page, name, data)
        expect(page.get_by_text(f"{name} holds no settings.")).to_be_visible()
    _open(page, "branching.png", _png(_text("prompt", _branching(1000))))
    page.get_by_role("dialog", name="Made with ComfyUI").get_by_role("button", name="Seed only").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("1")


def test_a_reader_that_takes_too_long_is_ended(visit: Visit) -> None:
    page = visit.page
    visit.context.route(
        "**/assets/worker-*.js",
        lambda route: route.fulfill(body="postMessage('ready'); for (;;);", content_type="text/javascript"),
    )
    with page.expect_worker() as started:
        _open(page, "endless.png", _png(_text("parameters", "x")))
    with started.value.expect_event("close"):
        visit.prompt.fill("the page goes on")  # it answers while the other thread turns round and round
        expect(page.get_by_text("endless.png takes too long to read. The form is as it was.")).to_be_visible()


def test_a_reader_that_cannot_be_fetched_says_so(visit: Visit) -> None:
    def away(route: Route) -> None:
        route.abort()

    visit.context.route("**/assets/worker-*.js", away)
    _open(visit.page, "far.png", _png(_text("parameters", "x")))
    expect(visit.page.get_by_text("far.png could not be read. The server may be away.")).to_be_visible()


def test_what_is_no_picture_says_so(visit: Visit, tmp_path: Path) -> None:
    _open(visit.page, "notes.png", b"Not a picture at all.")
    expect(visit.page.get_by_text("notes.png is not a PNG, JPEG or WebP picture.")).to_be_visible()
