"""How well admission knows what a picture costs before it is drawn: expected seconds beside those it took.

    python -m benchmarks.estimates

Postcard under its own id, sizes from 256x256 to 1536x1536 and 1 to 50 steps in random order (seeded), first one after
the other, then four at a time, on a server that starts with nothing but what its warm-up measured. The errors are those
of the service's own metric, `safelight_estimate_error_ratio`. Target: the median under 20 %.
"""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.server import Server, serving

PORT = 8494
PICTURES = 60
SIDES, STEPS = (256, 512, 768, 1024, 1344, 1536), (1, 2, 4, 8, 8, 12, 20, 50)
TARGET = 0.2
_BUCKET = re.compile(r'safelight_estimate_error_ratio_bucket\{le="([^"]+)",model="postcard"\} ([0-9.e+]+)')


def errors(server: Server) -> dict[float, float]:
    """How many pictures were estimated with at most this error, by error."""
    return {float(le): float(count) for le, count in _BUCKET.findall(server.client.get("/metrics").text)}


def draw(server: Server, rng: random.Random) -> None:
    """One picture, of any size and length."""
    fields: dict[str, Any] = {"model": "postcard", "seed": rng.randrange(1, 10**6), "steps": rng.choice(STEPS)}
    server.draw(prompt="a castle on a hill", size=f"{rng.choice(SIDES)}x{rng.choice(SIDES)}", **fields)


def main() -> int:
    rng, worst = random.Random(0), 0.0
    with serving(PORT) as server:
        before: dict[float, float] = {}
        for clients in (1, 4):
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda _: draw(server, rng), range(PICTURES)))
            now = errors(server)
            counts = {le: count - before.get(le, 0.0) for le, count in now.items()}
            before = now
            total = max(counts.values())
            median = min(le for le, count in counts.items() if count >= total / 2)
            worst = max(worst, median)
            shares = ", ".join(f"{count / total:.0%} within {le:.0%}" for le, count in counts.items() if le <= 0.5)
            print(f"{clients} at a time, {total:.0f} pictures: median error at most {median:.0%} ({shares})")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
