"""Who asks while everything is disturbed: callers who want their jobs, and callers who leave."""

from __future__ import annotations

import random
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.hostile.kill_rounds.scene import HEADERS

# So many different pictures are asked for, each many times: each is drawn once undisturbed, to compare.
PICTURES = 24
CALLERS = 3
# One in so many is left in the middle of its request, and asks again under its key.
_LEAVES = 6
_AWAY = (500, 502, 503)


@dataclass
class Load:
    """Callers that ask for jobs until they are stopped, each again and again under one `Idempotency-Key` until it is
    accepted; and one who asks for plain pictures and streams and does not wait for their end."""

    url: str
    pause_seconds: float
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, seed: int) -> Iterator[None]:
        """Have them all ask, until the block ends."""
        callers = [threading.Thread(target=self._want, args=(number, seed)) for number in range(CALLERS)]
        callers.append(threading.Thread(target=self._leave, args=(seed,)))
        for caller in callers:
            caller.start()
        try:
            yield
        finally:
            self.stopping.set()
            for caller in callers:
                caller.join()

    def _want(self, number: int, seed: int) -> None:
        chance = random.Random(f"{seed}-{number}")
        while not self.stopping.is_set():
            body = asked_for(chance.randrange(PICTURES))
            headers = {"prefer": "respond-async", "idempotency-key": secrets.token_hex(8)}
            while not self.stopping.is_set():
                patience = chance.uniform(0.001, 0.1) if chance.randrange(_LEAVES) == 0 else 20.0
                job = self._ask(body, headers, patience)
                if job is not None:
                    self.accepted[job] = body
                    break
                self.stopping.wait(0.2)
            self.stopping.wait(chance.uniform(0, 2 * self.pause_seconds))

    def _ask(self, body: dict[str, Any], headers: dict[str, str], patience: float) -> str | None:
        try:
            answer = httpx.post(
                f"{self.url}/v1/images/generations", json=body, headers=HEADERS | headers, timeout=patience
            )
        except httpx.HTTPError as error:
            self.refused[type(error).__name__] += 1
            return None
        if answer.status_code == 202:
            return str(answer.json()["id"])
        self.refused[str(answer.status_code)] += 1
        assert answer.status_code in _AWAY, answer.text
        return None

    def _leave(self, seed: int) -> None:
        chance = random.Random(f"{seed}-leaves")
        while not self.stopping.is_set():
            what = chance.choice(("plain", "stream", "watch"))
            try:
                self._ask_and_leave(what, chance)
                self.left[what] += 1
            except httpx.HTTPError:
                self.left[f"{what} was cut"] += 1
            self.stopping.wait(chance.uniform(0, 2 * self.pause_seconds))

    def _ask_and_leave(self, what: str, chance: random.Random) -> None:
        """A read timeout is what leaves: the connection is closed in the middle of the answer, or before it."""
        body = asked_for(chance.randrange(PICTURES)) | {"stream": what == "stream"}
        patience = httpx.Timeout(20.0, read=chance.uniform(0.05, 2.0))
        with httpx.Client(base_url=self.url, headers=HEADERS, timeout=patience) as client:
            try:
                method, path = ("GET", "/v1/jobs/events") if what == "watch" else ("POST", "/v1/images/generations")
                with client.stream(method, path, json=None if what == "watch" else body) as answer:
                    for _, _event in zip(range(chance.randrange(1, 6)), answer.iter_raw(), strict=False):
                        pass
            except httpx.ReadTimeout:
                pass


def asked_for(number: int) -> dict[str, Any]:
    """One of the pictures."""
    return {"model": "postcard", "prompt": f"boat {number}", "size": "256x256", "seed": 1000 + number}
