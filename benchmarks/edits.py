"""What an edit costs beside its drawing, and whether a thousand of them leave anything behind.

    python -m benchmarks.edits --edits 1000 --side 1024
    python -m benchmarks.edits --model FOLDER --edits 3 --side 1024 --steps 4 [--dtype bfloat16]

Starts a server with the stand-in that draws stripes, so that what is measured is ours: reading the form, decoding the
picture, and everything else between the request and the order. Prints the median of decoding, of the whole request, and
of the same request for words alone; then resident memory, descriptors and files of the server before and after. Exit
status 1 if they have grown.

With a model (a diffusers folder), an edit over HTTP and diffusers' own image-to-image pipeline take turns in one run,
each with the same picture, strength and steps. The server's stages say what of the request was drawing. What
upload and decoding take is seen by a request that is refused once its picture was decoded. In bfloat16 diffusers' U-Net
is laid out channels-last, which is its faster form on a processor. Exit status 1 if the rest is over 5 % of the
drawing.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from http import HTTPStatus

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
_MOST_OVERHEAD = 0.05


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


def received(client: httpx.Client, content: bytes, times: int) -> float:
    """Median seconds in which a picture is sent, read and decoded: its mask, of one pixel, is then refused."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        files = {"image": ("a.png", content, "image/png"), "mask": ("m.png", picture(1), "image/png")}
        answer = client.post(EDITS, data={"model": "mine", "prompt": "at night"}, files=files)
        took.append(time.perf_counter() - began)
        if answer.status_code != HTTPStatus.BAD_REQUEST or answer.json()["error"]["param"] != "mask":
            raise RuntimeError(f"the mask was not refused: {answer.text[:200]}")
    return statistics.median(took[1:])


def by_hand(folder: str, steps: int, dtype: str) -> Callable[[int, bytes], float]:
    """diffusers' own pipeline: seconds of an edit of a file with a seed."""
    import torch
    from diffusers import AutoPipelineForImage2Image

    pipeline = AutoPipelineForImage2Image.from_pretrained(folder, dtype=getattr(torch, dtype))
    pipeline.set_progress_bar_config(disable=True)
    if dtype != "float32" and hasattr(pipeline, "unet"):
        pipeline.unet.to(memory_format=torch.channels_last)

    def drawn(seed: int, content: bytes) -> float:
        source = Image.open(io.BytesIO(content)).convert("RGB")
        began = time.perf_counter()
        generator = torch.Generator("cpu").manual_seed(seed)
        said = {"prompt": "at night", "strength": _STRENGTH, "num_inference_steps": steps}
        pipeline(image=source, generator=generator, **said)
        return time.perf_counter() - began

    return drawn


def beside_the_pipeline(folder: str, edits: int, side: int, steps: int, dtype: str) -> int:
    """An edit over HTTP and diffusers' own pipeline, in turns; 1 if ours adds too much."""
    content = picture(side)
    draw_by_hand = by_hand(folder, steps, dtype)
    models = json.dumps({"mine": {"source": folder, "dtype": dtype}})
    rows: dict[str, list[float]] = {"over HTTP": [], "of it drawing": [], "of it the rest": [], "pipeline by hand": []}
    patient = {"queue_seconds": "7200", "request_seconds": "7200", "warm_up_seconds": "0"}
    with serving(free_port(), models=models, **patient) as server:
        server.client.timeout = None
        asked = {"model": "mine", "size": "auto", "strength": _STRENGTH, "steps": steps}
        small = picture(max(64, side // 4))  # warms both up
        ask(server.client, EDITS, small, seed=1, **asked)
        draw_by_hand(1, small)
        for seed in range(1, edits + 1):
            before = stages(server.client)
            whole = ask(server.client, EDITS, content, seed=seed, **asked)
            drawn = stages(server.client) - before
            taken = (whole, drawn, whole - drawn, draw_by_hand(seed, content))
            for name, seconds in zip(rows, taken, strict=True):
                rows[name].append(seconds)
            print(f"{whole:.3f} s over HTTP, {drawn:.3f} drawing, {taken[-1]:.3f} by hand", file=sys.stderr, flush=True)
        upload = received(server.client, content, 20)
    print(f"{edits} edits of {side}x{side}, {steps} steps, strength {_STRENGTH:g}, {dtype}, in turns; medians")
    for name, values in rows.items():
        print(f"{name:20}{statistics.median(values):8.3f} s")
    share = statistics.median(rows["of it the rest"]) / statistics.median(rows["of it drawing"])
    print(f"{'upload and decoding':20}{upload:8.3f} s")
    print(f"{'rest of drawing':20}{share:8.1%} (target {_MOST_OVERHEAD:.0%})")
    return 1 if share > _MOST_OVERHEAD else 0


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Measures edits over HTTP.")
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--model", help="a diffusers folder, to compare with its pipeline")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    said = parser.parse_args()
    if said.model is None:
        return many(said.edits, said.side)
    return beside_the_pipeline(said.model, said.edits, said.side, said.steps, said.dtype)


if __name__ == "__main__":
    sys.exit(main())
