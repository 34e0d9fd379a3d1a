"""What an edit costs beside its drawing, and whether a thousand of them leave anything behind.

    python -m benchmarks.edits --edits 1000 --side 1024

Starts a server with the stand-in that draws stripes, so that what is measured is ours: reading the form, decoding the
picture, and everything else between the request and the order. Prints the median of decoding, of the whole request, and
of the same request for words alone; then resident memory, descriptors and files of the server before and after. Exit
status 1 if they have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from PIL import Image
from tests.clients.process import Served, serving

from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.service.drawing.reception import HeldPicture

_WARM = 50
# Allocators keep some of what they had; what grows with every edit is more than that by far.
_GROWTH_BYTES = 24 * 1024 * 1024
_GROWTH_DESCRIPTORS = 4


def picture(side: int) -> bytes:
    """A PNG with some detail, of that many pixels a side."""
    file = io.BytesIO()
    small = Image.linear_gradient("L").resize((side, side))
    Image.merge("RGB", (small, small.rotate(90), small.rotate(180))).save(file, "PNG", compress_level=1)
    return file.getvalue()


async def decoding(content: bytes, times: int) -> float:
    """Median seconds of decoding a file, in the process that does."""
    pictures, took = PictureProcesses(), []
    for _ in range(times):
        began = time.perf_counter()
        await pictures.decode(HeldPicture(content), "image with a mask")
        took.append(time.perf_counter() - began)
    await pictures.close()
    return statistics.median(took[1:])


def ask(client: httpx.Client, path: str, content: bytes | None, seed: int) -> float:
    """Seconds of one request."""
    fields = {"model": "postcard", "prompt": "at night", "seed": seed, "size": "64x64"}
    began = time.perf_counter()
    if content is None:
        answer = client.post(path, json=fields)
    else:
        answer = client.post(path, data=fields, files={"image": ("a.png", content, "image/png")})
    answer.raise_for_status()
    return time.perf_counter() - began


def held(served: Served) -> tuple[int, int, int]:
    """Resident bytes, descriptors, and files in the state folder."""
    process = psutil.Process(served.process.pid)
    files = sum(1 for path in served.safelight.folder.rglob("*") if path.is_file())
    return process.memory_info().rss, process.num_fds(), files


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Measures edits over HTTP.")
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--side", type=int, default=1024)
    said = parser.parse_args()
    content = picture(said.side)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), log_level="warning") as served:
        headers = {"authorization": f"Bearer {served.key}"}
        with httpx.Client(base_url=served.url, headers=headers, timeout=300) as client:
            for seed in range(1, _WARM):
                ask(client, "/v1/images/edits", content, seed)
            before = held(served)
            edits = [ask(client, "/v1/images/edits", content, _WARM + n) for n in range(said.edits)]
            after = held(served)
            words = [ask(client, "/v1/images/generations", None, 9000 + n) for n in range(min(200, said.edits))]
    decoded = asyncio.run(decoding(content, 20))
    print(f"{said.edits} edits of {said.side}x{said.side} ({len(content) / 1e6:.1f} MB)")
    print(f"decoding            {decoded * 1000:8.1f} ms")
    print(f"whole edit          {statistics.median(edits) * 1000:8.1f} ms")
    print(f"words alone         {statistics.median(words) * 1000:8.1f} ms")
    for name, one, other in zip(("memory, MB", "descriptors", "files"), before, after, strict=True):
        scale = 1e6 if name.startswith("memory") else 1
        print(f"{name:20}{one / scale:8.1f} before {other / scale:8.1f} after")
    grew = after[0] - before[0] > _GROWTH_BYTES or after[1] - before[1] > _GROWTH_DESCRIPTORS or after[2] > before[2]
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main())
