"""Many clients at once: Safelight beside the same pipeline behind a plain HTTP server. Pictures a minute and waiting.

    python -m benchmarks.load [--clients 1 4 16] [--pictures 32]

Postcard, 1024x1024 PNG as base64 in JSON, seeds given, every client asks again as soon as it has its picture. The plain
server is what one writes in an afternoon: a thread a connection, a lock around the pipeline, Pillow's PNG. Ratios hold
within one run.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx

from benchmarks.server import KEY, serving

PORT, PLAIN_PORT = 8495, 8496
PROMPT = "a lighthouse above the sea at dusk"

PLAIN_SERVER = """
import base64, io, json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import torch
from safelight.postcard.pipeline import PostcardPipeline
from safelight.engine.sources import place_of

pipeline = PostcardPipeline.from_pretrained(place_of("postcard").path)
pipeline.set_progress_bar_config(disable=True)
lock = threading.Lock()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with lock, torch.no_grad():
            generator = torch.Generator().manual_seed(asked["seed"])
            picture = pipeline(prompt=asked["prompt"], width=1024, height=1024, generator=generator).images[0]
        file = io.BytesIO()
        picture.save(file, "PNG")
        text = base64.b64encode(file.getvalue()).decode()
        answer = json.dumps({"created": 0, "data": [{"b64_json": text}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextmanager
def plain(port: int) -> Iterator[None]:
    """The plain server, ready."""
    process = subprocess.Popen([sys.executable, "-c", PLAIN_SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                ask(port, 1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                break
        else:
            raise SystemExit(f"The plain server ended with {process.returncode}.")
        yield
    finally:
        process.kill()
        process.wait()


_local = threading.local()


def ask(port: int, seed: int) -> float:
    """Seconds of one request, on this thread's own connection."""
    client = getattr(_local, str(port), None)
    if client is None:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        setattr(_local, str(port), client)
    body = {"model": "stable-image-ultra", "prompt": f"{PROMPT} {seed}", "seed": seed}
    begun = time.perf_counter()
    client.post("/v1/images/generations", json=body, headers={"authorization": f"Bearer {KEY}"}).raise_for_status()
    return time.perf_counter() - begun


def under_load(request: Callable[[int], float], clients: int, pictures: int) -> tuple[float, list[float]]:
    """Pictures a minute, and the seconds of each request, sorted."""
    seeds = itertools.count(1)
    with ThreadPoolExecutor(clients) as pool:
        begun = time.perf_counter()
        seconds = list(pool.map(lambda _: request(next(seeds)), range(pictures)))
        return 60 * pictures / (time.perf_counter() - begun), sorted(seconds)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--pictures", type=int, default=32)
    arguments = parser.parse_args()
    found: dict[tuple[str, int], tuple[float, list[float]]] = {}
    with serving(PORT), plain(PLAIN_PORT):
        for port in (PORT, PLAIN_PORT):
            under_load(partial(ask, port), 2, 4)
        for clients in arguments.clients:
            for name, port in (("Safelight", PORT), ("pipeline behind a lock", PLAIN_PORT)):
                pictures = max(arguments.pictures, 2 * clients)
                found[name, clients] = under_load(partial(ask, port), clients, pictures)
    print("| | clients | pictures a minute | p50 s | p95 s | p99 s |\n|---|---|---|---|---|---|")
    for (name, clients), (rate, seconds) in found.items():
        shares = " | ".join(f"{percentile(seconds, share):.2f}" for share in (0.5, 0.95, 0.99))
        print(f"| {name} | {clients} | {rate:.0f} | {shares} |")
    ratios = [
        found["Safelight", clients][0] / found["pipeline behind a lock", clients][0] for clients in arguments.clients
    ]
    print(f"pictures a minute, Safelight to the plain server: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    return 0 if statistics.median(ratios) > 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
