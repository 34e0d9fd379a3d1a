"""Many clients at once: Safelight beside the same pipeline behind a plain HTTP server. Pictures a minute and waiting.

    python -m benchmarks.load [--clients 1 4 16] [--pictures 32] [--source FOLDER --size 256x256 --steps 4]
        [--aiperf AIPERF --tokenizer FOLDER]

Postcard at 1024x1024, or the checkpoint in FOLDER. PNG as base64 in JSON, seeds given, every client asks again as soon
as it has its picture. The plain server is `benchmarks/plain_server.py`. With AIPERF, the path of that command, its load
of images is sent to both as well; it wants a tokenizer in a folder to count words with. Ratios hold within one run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server import KEY, serving

PORT, PLAIN_PORT = 8495, 8496
SERVERS = {"Safelight": PORT, "pipeline behind a lock": PLAIN_PORT}
PROMPT = "a lighthouse above the sea at dusk"
MODEL = "measured"
Row = tuple[float, list[float]]
"""Pictures a minute, and the percentiles 50, 95 and 99 of a request's seconds."""


@contextmanager
def plain(port: int, source: str, body: dict[str, Any]) -> Iterator[None]:
    """The plain server, ready."""
    command = [sys.executable, "-m", "benchmarks.plain_server", str(port), source]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                ask(port, body, 1)
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


def ask(port: int, body: dict[str, Any], seed: int) -> float:
    """Seconds of one request, on this thread's own connection."""
    client = getattr(_local, str(port), None)
    if client is None:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600)
        setattr(_local, str(port), client)
    body = body | {"prompt": f"{PROMPT} {seed}", "seed": seed}
    begun = time.perf_counter()
    client.post("/v1/images/generations", json=body, headers={"authorization": f"Bearer {KEY}"}).raise_for_status()
    return time.perf_counter() - begun


def under_load(request: Callable[[int], float], clients: int, pictures: int) -> Row:
    """So many clients ask for so many pictures, each for the next as soon as it has one."""
    seeds = itertools.count(1)
    with ThreadPoolExecutor(clients) as pool:
        begun = time.perf_counter()
        seconds = sorted(pool.map(lambda _: request(next(seeds)), range(pictures)))
        rate = 60 * pictures / (time.perf_counter() - begun)
    return rate, [percentile(seconds, share) for share in (0.5, 0.95, 0.99)]


def by_aiperf(command: str, tokenizer: Path, port: int, body: dict[str, Any], clients: int, pictures: int) -> Row:
    """What aiperf reports of its image endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        prompts.write_text("\n".join(json.dumps({"text": f"{PROMPT} {n}"}) for n in range(pictures)))
        extra = {name: value for name, value in body.items() if name != "model"}
        options = {
            "--model": MODEL,
            "--tokenizer": str(tokenizer),
            "--url": f"http://127.0.0.1:{port}",
            "--api-key": KEY,
            "--endpoint-type": "image-generation",
            "--input-file": str(prompts),
            "--custom-dataset-type": "single-turn",
            "--concurrency": str(clients),
            "--request-count": str(pictures),
            "--extra-inputs": json.dumps(extra),
            "--ui": "none",
            "--output-artifact-dir": folder,
        }
        said = [command, "profile", *itertools.chain.from_iterable(options.items())]
        subprocess.run(said, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads((Path(folder) / "profile_export_aiperf.json").read_text())
    latency = found["request_latency"]
    return 60 * found["request_throughput"]["avg"], [latency[name] / 1e3 for name in ("p50", "p95", "p99")]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--source", default="postcard")
    parser.add_argument("--size", default="1024x1024")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--aiperf", metavar="COMMAND")
    parser.add_argument("--tokenizer", type=Path, metavar="FOLDER")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    body: dict[str, Any] = {"model": MODEL, "size": given.size} | ({"steps": given.steps} if given.steps else {})
    models = {MODEL: {"source": given.source, "contract": "open"}}
    rows: dict[tuple[str, int], Row] = {}
    with serving(PORT, models=json.dumps(models), queue_seconds="600"), plain(PLAIN_PORT, given.source, body):
        for port in SERVERS.values():
            under_load(partial(ask, port, body), 2, 4)
        for clients, (name, port) in itertools.product(given.clients, SERVERS.items()):
            pictures = max(given.pictures, clients)
            rows[name, clients] = under_load(partial(ask, port, body), clients, pictures)
            if given.aiperf:
                row = by_aiperf(given.aiperf, given.tokenizer, port, body, clients, pictures)
                rows[f"{name}, by aiperf", clients] = row
    print(f"{given.source}, {given.size}")
    print("| | clients | pictures a minute | p50 s | p95 s | p99 s |\n|---|---|---|---|---|---|")
    for (name, clients), (rate, seconds) in rows.items():
        print(f"| {name} | {clients} | {rate:.0f} | {' | '.join(f'{value:.2f}' for value in seconds)} |")
    ratios = [rows["Safelight", clients][0] / rows["pipeline behind a lock", clients][0] for clients in given.clients]
    print(f"pictures a minute, Safelight to the plain server: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    return 0 if statistics.median(ratios) > 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
