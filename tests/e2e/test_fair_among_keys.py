"""One key that always has two hundred pictures asked for, and another that asks for one now and then: with Postcard.

Counted, not timed: how many of the others' pictures end while the one is asked for. First come, first served, that
would be some two hundred; by a schedule that is fair beyond what a worker has in its hands it is a few. How long it
takes is measured by `benchmarks/fairness.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.clients.process import Served
from tests.floods import always

_WAITING, _ASKED = 200, 6
_MOST = 10
"""The mean: some end that were almost done, and of those that a worker has taken in, files are being made."""
_BODY = {"model": "postcard", "prompt": "a lighthouse above the sea", "size": "256x256", "steps": 4}


class Key:
    """A key of its own, and how many pictures were drawn for it. No two are the same."""

    _seed = 0

    def __init__(self, served: Served, name: str) -> None:
        limits = httpx.Limits(max_connections=_WAITING + 10)
        headers = {"authorization": f"Bearer {served.new_key('--name', name)}"}
        self.http = httpx.AsyncClient(base_url=served.base_url, headers=headers, timeout=300, limits=limits)
        self.drawn = 0

    async def picture(self) -> None:
        answer = await self.http.post("/images/generations", json=self._body())
        assert answer.status_code == 200, answer.text
        self.drawn += 1

    async def accepted(self) -> str:
        answer = await self.http.post("/images/generations", json=self._body(), headers={"prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def job(self) -> None:
        events = await self.http.get(f"/jobs/{await self.accepted()}/events")  # they end when it ends
        assert '"state":"finished"' in events.text

    async def jobs(self, state: str) -> int:
        page = await self.http.get("/jobs", params={"state": state, "total": "true", "limit": 1})
        return int(page.json()["total"])

    @staticmethod
    def _body() -> dict[str, Any]:
        Key._seed += 1
        return _BODY | {"seed": Key._seed}


@asynccontextmanager
async def _two_keys(served: Served) -> AsyncIterator[tuple[Key, Key]]:
    greedy, modest = Key(served, "greedy"), Key(served, "modest")
    async with greedy.http, modest.http:
        yield greedy, modest


async def test_beside_two_hundred_pictures_of_a_key_anothers_waits_for_few_of_them(postcard: Served) -> None:
    ended_meanwhile = []
    async with _two_keys(postcard) as (greedy, modest), always(_WAITING, greedy.picture):
        while greedy.drawn < 5:  # noqa: ASYNC110 - drawn by two hundred tasks
            await asyncio.sleep(0.01)
        for _ in range(_ASKED):
            before = greedy.drawn
            await modest.picture()
            ended_meanwhile.append(greedy.drawn - before)
    assert sum(ended_meanwhile) / _ASKED <= _MOST, ended_meanwhile


async def test_beside_two_hundred_jobs_of_a_key_anothers_job_waits_for_few_of_them(postcard: Served) -> None:
    ended_meanwhile = []
    async with _two_keys(postcard) as (greedy, modest):
        jobs = [await greedy.accepted() for _ in range(_WAITING)]
        for _ in range(_ASKED):
            before = await greedy.jobs("finished")
            await modest.job()
            ended_meanwhile.append(await greedy.jobs("finished") - before)
        assert await greedy.jobs("queued") > _MOST  # so it was not simply the end of the line
        for job in jobs:
            await greedy.http.delete(f"/jobs/{job}")
    assert sum(ended_meanwhile) / _ASKED <= _MOST, ended_meanwhile
