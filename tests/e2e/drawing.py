"""Asking a real server for pictures, and looking at its processes."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import psutil

from safelight.contract.values.sizes import SIZES
from tests.clients.process import MODEL, Served

_READY_SECONDS = 300.0
_ANSWER_SECONDS = 300.0


class Order(NamedTuple):
    """One picture that is wanted."""

    size: str
    output_format: str
    seed: int
    prompt: str = "a lighthouse above the sea at dusk"


# Both formats of all nine sizes, no two with the same seed, so that no two are the same picture.
EVERY_ORDER = [
    Order(size, output_format, 100 + 2 * number + (output_format == "jpeg"))
    for number, size in enumerate(SIZES)
    for output_format in ("png", "jpeg")
]


def ask(served: Served, order: Order, **more: Any) -> httpx.Response:
    """Send one order; the answer, whatever it is."""
    return httpx.post(
        f"{served.base_url}/images/generations",
        json={"model": MODEL, **order._asdict(), **more},
        headers={"authorization": f"Bearer {served.key}"},
        timeout=_ANSWER_SECONDS,
    )


def draw(served: Served, order: Order, **more: Any) -> bytes:
    """The file that one order brings."""
    response = ask(served, order, **more)
    assert response.status_code == 200, response.text
    return base64.b64decode(response.json()["data"][0]["b64_json"], validate=True)


def draw_together(served: Served, orders: list[Order], at_once: int = 8) -> list[bytes]:
    """The files of many orders, `at_once` of them in flight at any time."""
    with ThreadPoolExecutor(at_once) as callers:
        return list(callers.map(lambda order: draw(served, order), orders))


def wait_until(condition: Any, seconds: float = 300.0) -> None:
    """Ask again until it is so; another process makes it so, and tells nobody. It is asked less often the longer it
    takes, so that who waits takes no processor from whom it waits for.
    """
    deadline, pause = time.monotonic() + seconds, 0.01
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def wait_until_ready(served: Served) -> None:
    """Return once `/readyz` says 200."""
    wait_until(lambda: httpx.get(f"{served.url}/readyz", timeout=_ANSWER_SECONDS).status_code == 200, _READY_SECONDS)


def metric(served: Served, name: str) -> float:
    """The value of a metric without labels."""
    lines = httpx.get(f"{served.url}/metrics", timeout=_ANSWER_SECONDS).text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def workers(served: Served) -> list[psutil.Process]:
    """The worker processes of a server: those that it started, and those that were forked from its template.

    It has other children too, which decode pictures.
    """
    found = list[psutil.Process]()
    for child in psutil.Process(served.process.pid).children():
        command = child.cmdline()
        if "safelight.engine.template" in command:
            found += child.children()
        elif "safelight.engine.worker" in command:
            found.append(child)
    return found
