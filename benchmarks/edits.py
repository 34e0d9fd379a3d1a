"""What an edit costs beside its drawing, and whether a thousand of them leave anything behind.

    python -m benchmarks.edits --edits 1000 --side 1024
    python -m benchmarks.edits --model FOLDER --edits 3 --side 1024 --steps 4

Starts a server with the stand-in that draws stripes, so that what is measured is ours: reading the form, decoding the
picture, and everything else between the request and the order. Prints the median of decoding, of the whole request, and
of the same request for words alone; then resident memory, descriptors and files of the server before and after. Exit
status 1 if they have grown.

With a model (a diffusers folder), an edit over HTTP and diffusers' own image-to-image pipeline take turns in one run,
each with the same picture, strength and steps. The server's stages say what of the request was drawing.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import sys
import time

import httpx
import psutil
from PIL import Image

from benchmarks.server import Server, free_port, serving
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.service.drawing.inputs.reception import HeldPicture

EDITS, WORDS = "/v1/images/edits", "/v1/images/generations"
_STRENGTH = 0.5
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


def ask(client: httpx.Client, path: str, content: bytes | None, **fields: object) -> float:
    """Seconds of one request."""
    asked = {"model": "postcard", "prompt": "at night", "size": "64x64"} | fields
    began = time.perf_counter()
    if content is None:
        answer = client.post(path, json=asked)
    else:
        answer = client.post(path, data=asked, files={"image": ("a.png", content, "image/png")})
    answer.raise_for_status()
    return time.perf_counter() - began


def held(server: Server) -> tuple[int, int, int]:
    """Resident bytes, descriptors, and files in the state folder."""
    process = psutil.Process(server.process.pid)
    files = sum(1 for path in server.home.rglob("*") if path.is_file())
    return process.memory_info().rss, process.num_fds(), files


def stages(client: httpx.Client) -> float:
    """Seconds that the server's pipelines have drawn so far: all stages but the waiting and the file."""
    lines = client.get("/metrics").text.splitlines()
    waiting = ('stage="queue"', 'stage="wait"', 'stage="image_encode"')
    sums = (line for line in lines if line.startswith("safelight_stage_seconds_sum"))
    return sum(float(line.rpartition(" ")[2]) for line in sums if not any(stage in line for stage in waiting))


def many(edits: int, side: int) -> int:
    """A thousand edits of the stand-in; 1 if the server has grown."""
    content = picture(side)
    with serving(free_port(), engine="fake", log_level="warning") as server:
        client = server.client
        for seed in range(1, _WARM):
            ask(client, EDITS, content, seed=seed)
        before = held(server)
        took = [ask(client, EDITS, content, seed=_WARM + n) for n in range(edits)]
        after = held(server)
        words = [ask(client, WORDS, None, seed=9000 + n) for n in range(min(200, edits))]
    decoded = asyncio.run(decoding(content, 20))
    print(f"{edits} edits of {side}x{side} ({len(content) / 1e6:.1f} MB)")
    for name, seconds in (("decoding", decoded), ("whole edit", statistics.median(took))):
        print(f"{name:20}{seconds * 1000:8.1f} ms")
    print(f"{'words alone':20}{statistics.median(words) * 1000:8.1f} ms")
    for name, one, other in zip(("memory, MB", "descriptors", "files"), before, after, strict=True):
        scale = 1e6 if name.startswith("memory") else 1
        print(f"{name:20}{one / scale:8.1f} before {other / scale:8.1f} after")
    grew = after[0] - before[0] > _GROWTH_BYTES or after[1] - before[1] > _GROWTH_DESCRIPTORS or after[2] > before[2]
    return 1 if grew else 0


def beside_the_pipeline(folder: str, edits: int, side: int, steps: int) -> int:
    """An edit over HTTP and diffusers' own pipeline, in turns."""
    import torch
    from diffusers import AutoPipelineForImage2Image

    content = picture(side)
    source = Image.open(io.BytesIO(content)).convert("RGB")
    pipeline = AutoPipelineForImage2Image.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    models = json.dumps({"mine": {"source": folder, "dtype": "float32"}})
    over_http, drawn, by_hand = [], [], []
    with serving(free_port(), models=models, queue_seconds="3600", request_seconds="3600") as server:
        asked = {"model": "mine", "size": f"{side}x{side}", "strength": _STRENGTH, "steps": steps}
        for seed in range(edits + 1):  # the first warms both up
            before = stages(server.client)
            over_http.append(ask(server.client, EDITS, content, seed=seed + 1, **asked))
            drawn.append(stages(server.client) - before)
            begun = time.perf_counter()
            generator = torch.Generator("cpu").manual_seed(seed + 1)
            said = {"prompt": "at night", "strength": _STRENGTH, "num_inference_steps": steps}
            pipeline(image=source, generator=generator, **said)
            by_hand.append(time.perf_counter() - begun)
    decoded = asyncio.run(decoding(content, 20))
    beside = [whole - inside for whole, inside in zip(over_http, drawn, strict=True)]
    print(f"{edits} edits of {side}x{side}, {steps} steps, strength {_STRENGTH:g}, in turns; medians")
    rows = {"over HTTP": over_http, "of it drawing": drawn, "of it the rest": beside, "pipeline by hand": by_hand}
    for name, values in rows.items():
        print(f"{name:20}{statistics.median(values[1:]):8.3f} s")
    print(f"{'upload and decoding':20}{decoded:8.3f} s")
    print(f"{'rest of drawing':20}{statistics.median(beside[1:]) / statistics.median(drawn[1:]):8.1%}")
    return 0


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Measures edits over HTTP.")
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--model", help="a diffusers folder, to compare with its pipeline")
    parser.add_argument("--steps", type=int, default=4)
    said = parser.parse_args()
    if said.model is None:
        return many(said.edits, said.side)
    return beside_the_pipeline(said.model, said.edits, said.side, said.steps)


if __name__ == "__main__":
    sys.exit(main())
