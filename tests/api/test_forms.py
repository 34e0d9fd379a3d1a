"""Forms as they arrive: in any pieces, bounded, and their files beside memory."""

from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.api.exchange.bodies.forms import Form, StrayFile
from safelight.api.exchange.bodies.uploads import IN_MEMORY_BYTES, Upload
from safelight.contract.errors import InvalidRequest
from tests.api.conftest import Running
from tests.sent_pictures import halves

BOUNDARY = "xyz"
KIND = f"multipart/form-data; boundary={BOUNDARY}"
FILE = b"\x89PNG " + bytes(range(256)) * 8


def part(headers: str, content: bytes = b"") -> bytes:
    return f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + content + b"\r\n"


def named(name: str, content: bytes = b"", file: str | None = None) -> bytes:
    called = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
    return part(called, content)


END = f"--{BOUNDARY}--\r\n".encode()


def read(folder: Path, *parts: bytes, step: int = 1 << 20, kind: str = KIND, most_text: int = 10_000) -> dict[str, Any]:
    form = Form(kind, ("image", "mask"), folder=folder, most_text_bytes=most_text, several=("image",))
    body = b"".join(parts)
    for at in range(0, len(body), step):
        form.feed(body[at : at + step])
    return form.fields()


@pytest.mark.parametrize("step", [1, 3, 64, 1 << 20])
def test_in_whatever_pieces_it_comes_it_is_the_same(tmp_path: Path, step: int) -> None:
    fields = read(tmp_path, named("prompt", "at night ☾".encode()), named("image", FILE, "a.png"), END, step=step)
    assert fields["prompt"] == "at night ☾"
    (upload,) = fields["image"]
    assert (upload.size, upload.sha256, upload.open().read()) == (len(FILE), hashlib.sha256(FILE).hexdigest(), FILE)


def test_of_a_field_that_comes_twice_the_last_counts_and_of_files_all(tmp_path: Path) -> None:
    parts = (named("n", b"1"), named("n", b"2"), named("image", b"a", "a"), named("image[]", b"b"), named("mask", b"m"))
    fields = read(tmp_path, *parts, named("mask", b"n"), END)
    assert fields["n"] == "2"
    assert [upload.open().read() for upload in fields["image"]] == [b"a", b"b"]
    assert fields["mask"].open().read() == b"n"


def test_a_field_of_files_that_nobody_filled_in_is_absent(tmp_path: Path) -> None:
    assert "image" not in read(tmp_path, named("image", b"", ""), END)
    assert read(tmp_path, named("image", b"", "a.png"), END)["image"][0].size == 0


def test_a_file_where_a_text_belongs_is_told_from_text(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, named("prompt", b"x" * 20_000, "a.txt"), END)["prompt"], StrayFile)


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ((named("n", b"1"), END), "multipart/form-data"),
        ((named("n", b"1"), END), "multipart/form-data; boundary="),
        ((named("n", b"1"), END), "multipart/form-data; boundary=" + "x" * 300),
        ((named("n", b"1"), END), "multipart/form-data; boundary=other"),
        ((named("n", b"1"),), KIND),
        ((), KIND),
        ((b"nonsense",), KIND),
        ((part("Content-Disposition: form-data", b"1"), END), KIND),
        ((part("Content-Type: text/plain", b"1"), END), KIND),
        ((part('Content-Disposition: attachment; name="n"', b"1"), END), KIND),
        ((part("bad header line", b"1"), END), KIND),
        ((part("X: " + "y" * 100_000, b"1"), END), KIND),
        ((named("prompt", b"\xff\xfe"), END), KIND),
        ((*[named(f"n{i}", b"1") for i in range(200)], END), KIND),
        ((*[named("image", b"1", "a") for _ in range(100)], END), KIND),
        ((named("prompt", b"x" * 10_001), END), KIND),
    ],
)
def test_what_is_no_form_is_refused(tmp_path: Path, parts: tuple[bytes, ...], kind: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(tmp_path, *parts, kind=kind)
    assert (caught.value.code, caught.value.param) == ("invalid_form", None)


def test_a_large_file_lies_on_the_disk_without_a_name_and_goes_with_its_last_owner(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    open_before = _open_files(tmp_path)
    upload.write(bytes(IN_MEMORY_BYTES))
    assert _open_files(tmp_path) == open_before
    upload.write(b"x")
    assert _open_files(tmp_path) == open_before + 1
    assert [*tmp_path.iterdir()] == []
    assert upload.open().read() == bytes(IN_MEMORY_BYTES) + b"x"
    del upload
    gc.collect()
    assert _open_files(tmp_path) == open_before


def test_what_nobody_was_given_is_given_back_at_once_without_a_collection(tmp_path: Path) -> None:
    large = bytes(2 * IN_MEMORY_BYTES)
    gc.disable()
    try:
        cut_short = Form(KIND, ("image",), folder=tmp_path, most_text_bytes=10, several=("image",))
        cut_short.feed(named("image", large, "a.png") + named("image", large, "b.png")[:-9])
        assert _open_files(tmp_path) == 2
        cut_short.close()
        assert _open_files(tmp_path) == 0
        fields = read(tmp_path, named("image", large, "a.png"), END)
        assert _open_files(tmp_path) == 1
        del fields
        assert _open_files(tmp_path) == 0
    finally:
        gc.enable()


def _open_files(folder: Path) -> int:
    """Descriptors of files below a folder, those without a name too."""
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith(str(folder)) for link in links if os.path.islink(link))


async def test_a_form_that_breaks_off_is_refused_by_the_server(running: Running) -> None:
    body = named("model", b"postcard") + named("image", halves(), "a.png")
    answer = await running.client.post("/v1/images/edits", content=body, headers={"content-type": KIND})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_form")


async def test_nothing_of_an_upload_outlives_its_request(running: Running) -> None:
    home = running.services.settings.home
    large = halves() + bytes(2 * IN_MEMORY_BYTES)
    before, files = _open_files(home), {*home.rglob("*")}

    async def ask(content: bytes) -> httpx.Response:
        data = {"model": "postcard", "prompt": "at night", "seed": "7"}
        return await running.client.post("/v1/images/edits", data=data, files={"image": ("a.png", content)})

    assert [(await ask(each)).status_code for each in (large, b"x" * len(large), large)] == [200, 400, 200]
    gc.collect()
    assert _open_files(home) == before
    assert {*home.rglob("*")} == files
