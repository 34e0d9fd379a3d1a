"""Servers on one PostgreSQL, each a process of its own with the fake engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.clients.process import KEY, MODEL, Served, serving

ASYNC = {"prefer": "respond-async"}
BODY: dict[str, Any] = {"model": MODEL, "prompt": "a boat"}


class Node:
    """One of several servers. While the file `hold` is there it takes no step."""

    def __init__(self, served: Served, hold: Path) -> None:
        self.served = served
        self.hold = hold
        self.client = httpx.Client(
            base_url=served.base_url, headers={"authorization": f"Bearer {KEY}"}, timeout=httpx.Timeout(120)
        )

    def accept(self, **fields: Any) -> str:
        """A job that this server accepts; its id."""
        answer = self.client.post("/images/generations", json=BODY | fields, headers=ASYNC)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def draw(self, seed: int) -> httpx.Response:
        """What this server answers to somebody who waits for a picture."""
        return self.client.post("/images/generations", json=BODY | {"seed": seed})

    def job(self, job_id: str) -> dict[str, Any]:
        """How this server says that a job stands."""
        found: dict[str, Any] = self.client.get(f"/jobs/{job_id}").raise_for_status().json()
        return found

    def image(self, job_id: str) -> bytes:
        return self.client.get(f"/jobs/{job_id}/image").raise_for_status().content

    def stop(self) -> None:
        """As a machine that stands still."""
        self.served.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.served.process.send_signal(signal.SIGCONT)


@contextmanager
def node(folder: Path, database: str, name: str, exit_status: int = 0, **settings: str) -> Iterator[Node]:
    """A server with a state folder of its own, and with the others' database and place for pictures."""
    home = folder / name
    home.mkdir()
    hold = home / "hold"
    hold.write_text("1")
    shared = {"database": database, "files": str(folder / "pictures"), "fake_hold": str(hold)}
    with serving(home, exit_status=exit_status, **(shared | settings)) as served:
        running = Node(served, hold)
        try:
            yield running
        finally:
            running.client.close()
            hold.unlink(missing_ok=True)
            served.process.send_signal(signal.SIGCONT)
