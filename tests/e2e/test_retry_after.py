"""`Retry-After` of several servers is when a request is in fact let in, by engines whose pictures take a known time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.drawing import metric, wait_until
from tests.e2e.several import Node, node

_STEP_SECONDS = 0.5
# The stand-in's pictures have four steps, where a request does not say how many.
_PICTURE_SECONDS = 4 * _STEP_SECONDS
_FILL = 8
_MOST_OFF = 0.2


def ask(at: Node, seed: int, **fields: Any) -> httpx.Response:
    """Ask a server for a stream, whose head comes when the request is let in, and leave then."""
    body = {"model": "postcard", "prompt": "a boat", "seed": seed, "stream": True} | fields
    with at.client.stream("POST", "/images/generations", json=body) as answer:
        if answer.status_code != 200:
            answer.read()
        return answer


def under_way(at: Node) -> float:
    """How many pictures that server has let in."""
    return metric(at.served, "safelight_queue_depth") + metric(at.served, "safelight_jobs_running")


@pytest.mark.parametrize(("many", "wanted"), [(2, {"steps": 28}), (4, {"n": 7})])
def test_a_request_is_let_in_when_it_was_told(
    tmp_path: Path, with_postgres: Callable[[], str], many: int, wanted: dict[str, int]
) -> None:
    url = with_postgres()
    settings = {"queue_seconds": "16.5", "fake_step_seconds": str(_STEP_SECONDS), "fake_capacity": "1"}
    with ExitStack() as stack, ThreadPoolExecutor(64) as callers:
        nodes = [stack.enter_context(node(tmp_path, url, f"node {number}", 0, **settings)) for number in range(many)]
        for each in nodes:
            each.hold.unlink()
        for drawn in [callers.submit(each.draw, number + 1) for number, each in enumerate(nodes)]:
            assert drawn.result().status_code == 200  # each knows now what a picture takes
        for each in nodes:
            each.hold.write_text("0")  # no step is taken until the line is full
        filling = [callers.submit(each.draw, 100 + number) for number in range(_FILL) for each in nodes]
        wait_until(lambda: all(under_way(each) == _FILL for each in nodes))
        refused = ask(nodes[0], 1000, **wanted)
        assert refused.status_code == 503, "it was let in"
        told, begun = int(refused.headers["retry-after"]), time.monotonic()
        for each in nodes:
            each.hold.unlink()
        turns = itertools.count(1)  # as a caller that does not believe what it is told
        wait_until(lambda: ask(nodes[(turn := next(turns)) % many], 1000 + turn, **wanted).status_code != 503)
        waited = time.monotonic() - begun
        assert {each.result().status_code for each in filling} == {200}
        # However slow the machine is: pictures that were to take so long took that much longer.
        slowness = (time.monotonic() - begun) / (_FILL * _PICTURE_SECONDS)
    assert told == pytest.approx(waited / slowness, rel=_MOST_OFF)
