"""Callers who ask for pictures all the time, in each of the three ways, and take nothing but the picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from tests.cluster.servers import HEADERS

PATH = "/v1/images/generations"
BODY: dict[str, Any] = {"model": "postcard", "prompt": "a boat", "size": "256x256", "steps": 6}
_ENDS = ("finished", "failed", "cancelled")
_COMPLETED = "event: image_generation.completed"


class Caller:
    """Somebody at that address, who waits as long as it takes."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, headers=HEADERS, timeout=300)

    def close(self) -> None:
        self._client.close()

    def plain(self, **fields: Any) -> None:
        """A picture in the answer."""
        answer = self._client.post(PATH, json=BODY | {"response_format": "b64_json"} | fields)
        assert answer.status_code == 200, answer.text[:300]
        assert answer.json()["data"][0]["b64_json"]

    def stream(self, **fields: Any) -> None:
        """A picture as the last event."""
        asked = BODY | {"stream": True, "partial_images": 1} | fields
        with self._client.stream("POST", PATH, json=asked) as answer:
            assert answer.status_code == 200, answer.read()[:300]
            assert _COMPLETED in list(answer.iter_lines())

    def accept(self, **fields: Any) -> str:
        """A job that is drawn whenever there is time; its id."""
        answer = self._client.post(PATH, json=BODY | fields, headers={"prefer": "respond-async"})
        assert answer.status_code == 202, answer.text[:300]
        return str(answer.json()["id"])

    def ended(self, job: str) -> bool:
        """Whether that job has; it must be finished then."""
        answer = self._client.get(f"/v1/jobs/{job}")
        assert answer.status_code == 200, answer.text[:300]
        state = answer.json()["state"]
        assert state in (*_ENDS, "queued", "running")
        assert state not in _ENDS or state == "finished", answer.text
        return bool(state == "finished")

    def image(self, job: str) -> bytes:
        """Its picture."""
        answer = self._client.get(f"/v1/jobs/{job}/image")
        assert answer.status_code == 200, answer.text[:300]
        return answer.content


class Traffic:
    """What callers do meanwhile. `jobs` are those that were accepted, `plain` and `streams` how many pictures came."""

    def __init__(self) -> None:
        self.plain = self.streams = 0
        self.jobs: list[str] = []
        self.asking: list[Future[None]] = []

    def until_more(self) -> None:
        """Returns when each caller has been given one more; raises what one of them was refused."""
        before = self.all
        while any(now <= then for now, then in zip(self.all, before, strict=True)):
            done, _ = wait(self.asking, timeout=0.05, return_when=FIRST_EXCEPTION)
            for ended in done:
                ended.result()

    @property
    def all(self) -> tuple[int, int, int]:
        """How many there were of each."""
        return self.plain, self.streams, len(self.jobs)


@contextmanager
def traffic(url: str) -> Iterator[Traffic]:
    """Until the block ends three callers ask at that address; whatever one of them was refused is raised here."""
    counted, over, seeds = Traffic(), threading.Event(), count(1)

    def plain(caller: Caller) -> None:
        caller.plain(seed=next(seeds))
        counted.plain += 1

    def stream(caller: Caller) -> None:
        caller.stream(seed=next(seeds))
        counted.streams += 1

    def job(caller: Caller) -> None:
        counted.jobs.append(caller.accept(seed=next(seeds)))
        over.wait(0.3)  # jobs are accepted much faster than they are drawn

    def go_on(ask: Callable[[Caller], None]) -> None:
        caller = Caller(url)
        try:
            while not over.is_set():
                ask(caller)
        finally:
            caller.close()

    with ThreadPoolExecutor(3) as callers:
        counted.asking = [callers.submit(go_on, each) for each in (plain, stream, job)]
        try:
            yield counted
        finally:
            over.set()
        for each in counted.asking:
            each.result()
