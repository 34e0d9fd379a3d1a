"""Broken files of every format that is read, for a server to survive.

    python -m tests.hostile.fuzzed_pictures --each 10000

Starts a server, sends it that many mutated files of each format, by turns as picture and as mask, as a form and as
JSON, and prints how it answered. Exit status 1 if any answer is a 5xx, or the server is gone. The seed makes the same
files again.
"""

from __future__ import annotations

import argparse
import base64
import random
import sys
import tempfile
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from PIL import Image, ImageCms

from tests.clients.process import Served, serving
from tests.sent_pictures import file_of, halves, one_colour

FORMATS = ("PNG", "JPEG", "WEBP")
_SIDES = (24, 16)
_INTERESTING = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0")


def whole(format_: str) -> list[bytes]:
    """Good files of a format: colours, grey, palettes, four inks, alpha, profiles, Exif, several frames."""
    width, height = _SIDES
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = Image.frombytes("RGB", _SIDES, random.Random(7).randbytes(3 * width * height))
    files = [
        halves(width, height, format_),
        halves(width, height, format_, exif=exif.tobytes()),
        halves(width, height, format_, icc_profile=profile),
        file_of(noise, format_),
        file_of(noise.convert("L"), format_),
    ]
    if format_ != "JPEG":
        files += [
            file_of(noise.convert("RGBA"), format_),
            file_of(noise, format_, save_all=True, append_images=[noise.rotate(90)], duration=40),
        ]
    if format_ == "PNG":
        files += [file_of(noise.convert(mode), format_) for mode in ("P", "1", "LA")]
        files.append(one_colour(width, height, 700, "I;16"))
    if format_ == "JPEG":
        files += [file_of(noise.convert("CMYK"), format_), file_of(noise, format_, progressive=True)]
    return files


def mutated(format_: str, count: int, seed: int = 7) -> Iterator[bytes]:
    """So many broken files: bits turned, pieces overwritten, cut out, doubled, swapped, and ends cut off."""
    chance = random.Random(f"{format_}-{seed}")
    files = whole(format_)
    for _ in range(count):
        content = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            _break(content, chance)
        yield _with_sums(content) if format_ == "PNG" and chance.random() < 0.7 else bytes(content)


def _break(content: bytearray, chance: random.Random) -> None:
    at, length = chance.randrange(len(content) + 1), chance.randint(1, 64)
    piece = content[at : at + length]
    match chance.randrange(6):
        case 0 if at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        case 1:
            value = chance.choice(_INTERESTING)
            content[at : at + len(value)] = value
        case 2:
            del content[at : at + length]
        case 3:
            content[at:at] = piece * chance.randint(1, 4)
        case 4:
            content[at : at + length] = chance.randbytes(len(piece))
        case _:
            del content[max(8, at) :]


def _with_sums(content: bytearray) -> bytes:
    """A PNG whose checksums are right again, so that what is broken in its chunks is read."""
    at = 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(content)


class Sender:
    """Sends files to a server from several threads, and counts answers by status and code."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._own, self._clients = threading.local(), list[httpx.Client]()
        self.answers: Counter[tuple[int, str]] = Counter()
        self._good = whole("PNG")[0]

    def send(self, number: int, content: bytes) -> None:
        """One request; `number` says in which way."""
        client = self._client()
        fields = {"model": "postcard", "prompt": "at night", "size": "64x64"}
        as_mask, as_form = number % 4 == 3, number % 2 == 0
        picture, mask = (self._good, content) if as_mask else (content, None)
        if as_form:
            files = {"image": ("a", picture)} | ({"mask": ("m", mask)} if mask is not None else {})
            answer = client.post("/v1/images/edits", data=fields, files=files)
        else:
            body = fields | {"images": [_address(picture)]} | ({"mask": _address(mask)} if mask is not None else {})
            answer = client.post("/v1/images/edits", json=body)
        code = "" if answer.status_code == 200 else str(answer.json()["error"]["code"])
        self.answers[answer.status_code, code] += 1

    def _client(self) -> httpx.Client:
        if not hasattr(self._own, "client"):
            headers = {"authorization": f"Bearer {self._served.key}"}
            self._own.client = httpx.Client(base_url=self._served.url, headers=headers, timeout=300)
            self._clients.append(self._own.client)
        client: httpx.Client = self._own.client
        return client

    def send_all(self, format_: str, count: int, threads: int = 2) -> None:
        """So many mutated files of a format."""
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda one: self.send(*one), enumerate(mutated(format_, count))):
                pass
        while self._clients:
            self._clients.pop().close()


def _address(content: bytes) -> dict[str, str]:
    return {"image_url": "data:image/png;base64," + base64.b64encode(content).decode()}


def main() -> int:
    """Send and tell."""
    parser = argparse.ArgumentParser(description="Sends mutated pictures to a server.")
    parser.add_argument("--each", type=int, default=10_000, help="files of each format")
    each = parser.parse_args().each
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), log_level="warning") as served:
        sender = Sender(served)
        for format_ in FORMATS:
            before = Counter(sender.answers)
            sender.send_all(format_, each)
            print(format_, dict(sender.answers - before), flush=True)
        alive = served.process.poll() is None
    return 0 if alive and all(status < 500 for status, _ in sender.answers) else 1


if __name__ == "__main__":
    sys.exit(main())
