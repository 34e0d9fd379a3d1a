"""One key that always has two hundred pictures waiting, and another that asks for a short one now and then.

Over real connections, and with a clock that the test drives: the shipped fake engine takes a step when it is told to.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.floods import always

_WAITING = 200
_SHORT, _LONG = 4, 8
_ASKED = 12
_MOST = 1.5
"""What a short picture takes at most, in steps that anybody takes until it is drawn, over its own steps: the mean."""


async def _serve(serve: Serve) -> tuple[Running, FakeEngine]:
    engine = FakeEngine(("postcard",), capacity=8)
    engine.gate.clear()
    return await serve(engine=engine, queue_seconds=3600, models={"ours": {"source": "postcard"}}), engine


@asynccontextmanager
async def _client(running: Running, name: str) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A client with a key of its own, and that key's id."""
    minted = await running.services.keys.create(name)
    headers = {"authorization": f"Bearer {minted.text}"}
    limits = httpx.Limits(max_connections=_WAITING + 10)
    async with httpx.AsyncClient(
        base_url=running.client.base_url, headers=headers, timeout=300, limits=limits
    ) as client:
        yield client, minted.record.id


def _body(steps: int) -> dict[str, Any]:
    return {"model": "ours", "prompt": "a boat", "size": "256x256", "steps": steps}


def _in_hand(engine: FakeEngine) -> int:
    return engine.state().queued + engine.state().running


async def _mean_slowdown(engine: FakeEngine, key_id: str, ask: Callable[[], Awaitable[object]], in_hand: int) -> float:
    """Of short pictures that come now and then. `in_hand` is how many pictures of others the engine always has."""
    rng, slowdowns = random.Random(5), list[float]()
    for _ in range(_ASKED):
        for _ in range(rng.randrange(12, 24)):
            await until(lambda: _in_hand(engine) >= in_hand)
            await engine.turn()
        await until(lambda: _in_hand(engine) >= in_hand)
        number = sum(job.share.group == key_id for job in engine.submitted)
        asked = asyncio.ensure_future(ask())
        await until(lambda: sum(job.share.group == key_id for job in engine.submitted) > number)  # noqa: B023
        took = own = 0
        while own < _SHORT:
            took, own = took + 1, own + ((await engine.turn()).share.group == key_id)
        await asked
        slowdowns.append(took / _SHORT)
    return sum(slowdowns) / len(slowdowns)


async def test_beside_two_hundred_pictures_of_a_key_anothers_short_picture_takes_little_longer(serve: Serve) -> None:
    running, engine = await _serve(serve)
    async with _client(running, "greedy") as (greedy, _), _client(running, "modest") as (modest, key_id):

        async def flood() -> None:
            assert (await greedy.post(PICTURES, json=_body(_LONG))).status_code == 200

        async def ask() -> None:
            assert (await modest.post(PICTURES, json=_body(_SHORT))).status_code == 200

        async with always(_WAITING, flood):
            assert await _mean_slowdown(engine, key_id, ask, _WAITING) <= _MOST
            engine.gate.set()


async def test_beside_two_hundred_jobs_of_a_key_anothers_short_job_takes_little_longer(serve: Serve) -> None:
    running, engine = await _serve(serve)
    respond_async = {"prefer": "respond-async"}
    async with _client(running, "greedy") as (greedy, _), _client(running, "modest") as (modest, key_id):
        for _ in range(_WAITING):
            assert (await greedy.post(PICTURES, json=_body(_LONG), headers=respond_async)).status_code == 202

        async def ask() -> None:
            accepted = await modest.post(PICTURES, json=_body(_SHORT), headers=respond_async)
            assert accepted.status_code == 202
            events = await modest.get(f"{accepted.headers['location']}/events")  # they end when it ends
            assert '"state":"finished"' in events.text

        # Two for each worker are given to the engine, and one of each other key.
        assert await _mean_slowdown(engine, key_id, ask, 2) <= _MOST


@asynccontextmanager
async def _one_that_loads(serve: Serve) -> AsyncIterator[tuple[Running, FakeEngine]]:
    """A server with a model that is there, `ours`, and one that is not, `large`."""
    engine = FakeEngine(("postcard", "other"), capacity=8)
    engine.slow = frozenset(("other",))
    engine.loaded.clear()
    models = {"ours": {"source": "postcard"}, "large": {"source": "other"}}
    running = await serve(
        engine=engine, queue_seconds=3600, load_wait_seconds=3600, rate_limit_per_minute=1000, models=models
    )
    yield running, engine
    engine.loaded.set()


async def test_jobs_whose_model_loads_hold_no_place_that_anothers_could_use(serve: Serve) -> None:
    respond_async = {"prefer": "respond-async"}
    async with _one_that_loads(serve) as (running, engine):
        for _ in range(20):
            accepted = await running.client.post(
                PICTURES, json=_body(_SHORT) | {"model": "large"}, headers=respond_async
            )
            assert accepted.status_code == 202
        accepted = await running.client.post(PICTURES, json=_body(_SHORT), headers=respond_async)
        events = await running.client.get(f"{accepted.headers['location']}/events")
        assert '"state":"finished"' in events.text
        assert {order.recipe.source for order in engine.submitted} == {"postcard"}


async def test_requests_whose_model_loads_hold_no_place_that_anothers_could_use(serve: Serve) -> None:
    async with _one_that_loads(serve) as (running, engine), _client(running, "patient") as (patient, _):
        waiting = [
            asyncio.create_task(patient.post(PICTURES, json=_body(_SHORT) | {"model": "large"})) for _ in range(20)
        ]
        for drawn in itertools.count(1):
            answer = await patient.post(PICTURES, json=_body(_SHORT))
            assert answer.status_code == 200
            if int(answer.headers["x-ratelimit-remaining-requests"]) == 1000 - len(waiting) - drawn:
                break  # all of them had come in before this one
        assert {order.recipe.source for order in engine.submitted} == {"postcard"}
        engine.loaded.set()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 20


@pytest.mark.one_process("asks a process what it has under way itself")
async def test_what_is_under_way_is_counted_for_its_key(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    generate = running.services.generate
    asking = asyncio.create_task(running.draw())
    await until(lambda: generate.work_seconds > 0)
    (under_way,) = generate.let_in()
    assert under_way.seconds == generate.work_seconds
    engine.gate.set()
    assert (await asking).status_code == 200
    (drawn,) = running.ledger.entries
    assert under_way.owner == drawn.key_id
    assert [each for each in generate.let_in() if each.seconds] == []
