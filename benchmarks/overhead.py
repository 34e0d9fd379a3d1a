"""What the service adds to a picture: a request over HTTP beside the same pipeline called by hand, in turns, medians.

    python -m benchmarks.overhead

Also how soon the server answers and is ready, and what its processes weigh. Overhead is the request's time minus that
of `pipe(...)` in a process of its own, as a share of the latter; the target is under 5 % for one 1024x1024 PNG.
"""

from __future__ import annotations

import statistics
import time

import psutil

from benchmarks.server import Server, serving
from safelight.engine.machine.device import prepare
from safelight.protocol.messages import ModelSpec

PORT = 8497
ROUNDS = 30
PROMPT = "a lighthouse above the sea at dusk"
TARGET_SHARE = 0.05


def drawn_by_hand(pipeline: object, seed: int) -> float:
    """Seconds that `pipe(...)` takes for one picture."""
    import torch

    begun = time.perf_counter()
    generator = torch.Generator("cpu").manual_seed(seed)
    pipeline(prompt=f"{PROMPT} {seed}", height=1024, width=1024, generator=generator)  # type: ignore[operator]
    return time.perf_counter() - begun


def drawn_over_http(server: Server, seed: int) -> float:
    """Seconds that a request takes, the prompt never seen before."""
    begun = time.perf_counter()
    server.draw(prompt=f"{PROMPT} {seed}", seed=seed)
    return time.perf_counter() - begun


def measured(pipeline: object, server: Server, seed: int) -> tuple[float, float]:
    """By hand and over HTTP, each of both first in every second pair."""
    if seed % 2:
        over_http = drawn_over_http(server, seed)
        return drawn_by_hand(pipeline, seed), over_http
    return drawn_by_hand(pipeline, seed), drawn_over_http(server, seed)


def resident_mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1024**2


def main() -> int:
    prepare(0)  # threads as in a worker, before PyTorch is imported: else they would wait for each other differently
    from safelight.engine.checkpoint.loading import load

    pipeline = load(ModelSpec(source="postcard"), "cpu").pipeline
    pipeline.set_progress_bar_config(disable=True)
    with serving(PORT) as server:
        for seed in (1, 2):  # both warm
            drawn_by_hand(pipeline, seed)
            drawn_over_http(server, seed)
        pairs = [measured(pipeline, server, seed) for seed in range(10, 10 + ROUNDS)]
        api = psutil.Process(server.process.pid)
        weights = [resident_mib(process) for process in (api, *api.children())]
        print(f"/livez after {server.live_seconds:.2f} s, /readyz after {server.ready_seconds:.2f} s")
    hand, http = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median((b - a) / a for a, b in pairs)
    print(f"resident: api process {weights[0]:.0f} MiB, worker {weights[1]:.0f} MiB")
    print(f"pipe(...) by hand {hand * 1e3:.0f} ms, request {http * 1e3:.0f} ms, 1024x1024 PNG, {ROUNDS} pairs")
    print(f"overhead {share:.1%} of the pipeline's time (median of pairs; target: under {TARGET_SHARE:.0%})")
    return 0 if share < TARGET_SHARE else 1


if __name__ == "__main__":
    raise SystemExit(main())
