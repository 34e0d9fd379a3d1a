"""What the service adds to a picture: a request over HTTP beside the same pipeline called by hand, in turns, medians.

    python -m benchmarks.overhead

Also how soon the server answers and is ready, what its processes weigh, and where the request's time goes beside the
drawing, by what the server counts itself. Overhead is the request's time minus that of `pipe(...)` in a process of its
own, as a share of the latter; the target is under 5 % for one 1024x1024 PNG.
"""

from __future__ import annotations

import http.client
import re
import statistics
import time

import orjson
import psutil
import pybase64

from benchmarks.server import KEY, Server, serving
from safelight.engine.machine.device import prepare
from safelight.protocol.messages import ModelSpec

PORT = 8497
ROUNDS = 30
PROMPT = "a lighthouse above the sea at dusk"
TARGET_SHARE = 0.05
_SUM = re.compile(r"^safelight_(request|stage)_seconds_sum\{(.*)\} (\S+)$", re.MULTILINE)
_DRAWING = ("encode_prompt", "denoise", "decode")
_HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


def drawn_by_hand(pipeline: object, seed: int) -> float:
    """Seconds that `pipe(...)` takes for one picture."""
    import torch

    begun = time.perf_counter()
    generator = torch.Generator("cpu").manual_seed(seed)
    pipeline(prompt=f"{PROMPT} {seed}", height=1024, width=1024, generator=generator)  # type: ignore[operator]
    return time.perf_counter() - begun


class Caller:
    """Asks for pictures on one connection. By the standard library: httpx takes 2 ms more of the same processor."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT)
        self.parts: list[dict[str, float]] = []

    def draw(self, seed: int) -> float:
        """Seconds that a request takes, the prompt never seen before; `parts` gets where they went."""
        before = self._counted()
        body = orjson.dumps({"model": "stable-image-ultra", "prompt": f"{PROMPT} {seed}", "seed": seed})
        begun = time.perf_counter()
        self._connection.request("POST", "/v1/images/generations", body, _HEADERS)
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        pybase64.b64decode(orjson.loads(answer.read())["data"][0]["b64_json"])
        seconds = time.perf_counter() - begun
        after = self._counted()
        self.parts.append({"all": seconds} | {name: after[name] - before.get(name, 0.0) for name in after})
        return seconds

    def _counted(self) -> dict[str, float]:
        """Seconds so far of the pictures' route, and of each stage, by the server's own count."""
        counted = {}
        for kind, labels, value in _SUM.findall(self._server.client.get("/metrics").text):
            if kind == "stage":
                counted[re.findall(r'stage="(\w+)"', labels)[0]] = float(value)
            elif "/v1/images/generations" in labels:
                counted["answered"] = float(value)
        return counted


def beside_drawing(parts: list[dict[str, float]], hand: list[float]) -> dict[str, float]:
    """Median milliseconds of what is in a request and not in the pipeline's call."""

    def drawing(part: dict[str, float]) -> float:
        return sum(part[stage] for stage in _DRAWING)

    def in_worker(part: dict[str, float]) -> float:
        return drawing(part) + part["wait"] + part["image_encode"]

    rows = {
        "drawing, more than by hand": [drawing(part) - alone for part, alone in zip(parts, hand, strict=True)],
        "worker, between turns": [part["wait"] for part in parts],
        "file": [part["image_encode"] for part in parts],
        "api process, and between both": [part["answered"] - in_worker(part) for part in parts],
        "client, and its connection": [part["all"] - part["answered"] for part in parts],
    }
    return {name: statistics.median(values) * 1e3 for name, values in rows.items()}


def measured(pipeline: object, caller: Caller, seed: int) -> tuple[float, float]:
    """By hand and over HTTP, each of both first in every second pair."""
    if seed % 2:
        over_http = caller.draw(seed)
        return drawn_by_hand(pipeline, seed), over_http
    return drawn_by_hand(pipeline, seed), caller.draw(seed)


def resident_mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1024**2


def main() -> int:
    prepare(0)  # threads as in a worker, before PyTorch is imported: else they would wait for each other differently
    from safelight.engine.checkpoint.loading import load

    pipeline = load(ModelSpec(source="postcard"), "cpu").pipeline
    pipeline.set_progress_bar_config(disable=True)
    with serving(PORT) as server:
        caller = Caller(server)
        for seed in (1, 2):  # both warm
            measured(pipeline, caller, seed)
        caller.parts.clear()
        pairs = [measured(pipeline, caller, seed) for seed in range(10, 10 + ROUNDS)]
        api = psutil.Process(server.process.pid)
        weights = [resident_mib(process) for process in (api, *api.children())]
        print(f"/livez after {server.live_seconds:.2f} s, /readyz after {server.ready_seconds:.2f} s")
    hand, over_http = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median((b - a) / a for a, b in pairs)
    print(f"resident: api process {weights[0]:.0f} MiB, worker {weights[1]:.0f} MiB")
    print(f"pipe(...) by hand {hand * 1e3:.0f} ms, request {over_http * 1e3:.0f} ms, 1024x1024 PNG, {ROUNDS} pairs")
    for name, milliseconds in beside_drawing(caller.parts, [alone for alone, _ in pairs]).items():
        print(f"  {name:32}{milliseconds:6.1f} ms")
    print(f"overhead {share:.1%} of the pipeline's time (median of pairs; target: under {TARGET_SHARE:.0%})")
    return 0 if share < TARGET_SHARE else 1


if __name__ == "__main__":
    raise SystemExit(main())
