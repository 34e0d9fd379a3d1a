"""Bounds hold against many requests at once: nothing slips in between a check and what was checked for."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Running, Serve, until

BODY = {"model": "stable-image-ultra", "prompt": "a boat"}
# Before anything was measured a picture of 1024x1024 is taken to need 2.1 s.
NINE_PICTURES = 20.0


def held() -> FakeEngine:
    """An engine that begins pictures and finishes none before its gate is opened."""
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    return engine


async def ask(running: Running, key: str | None = None, **headers: str) -> httpx.Response:
    authorization = {"authorization": f"Bearer {key or running.key}"}
    return await running.client.post(PICTURES, json=BODY, headers=authorization | headers)


async def test_sixty_requests_with_idempotency_keys_pass_no_bound_of_seconds(serve: Serve) -> None:
    engine = held()
    running = await serve(engine=engine, queue_seconds=NINE_PICTURES)
    asked = [asyncio.create_task(ask(running, **{"idempotency-key": f"key-{n}"})) for n in range(60)]
    await until(lambda: sum(task.done() for task in asked) >= 51)
    assert {task.result().status_code for task in asked if task.done()} == {503}
    engine.gate.set()
    assert Counter(answer.status_code for answer in await asyncio.gather(*asked)) == {200: 9, 503: 51}
    assert running.services.generate.work_seconds == 0


async def test_an_idempotency_key_that_was_used_leaves_no_room_taken(serve: Serve) -> None:
    running = await serve(queue_seconds=NINE_PICTURES)
    for _ in range(20):
        assert (await ask(running, **{"idempotency-key": "the-same"})).status_code == 200
    assert running.services.generate.work_seconds == 0


async def test_an_answer_that_is_kept_is_given_while_the_queue_is_full(serve: Serve) -> None:
    engine = FakeEngine(("postcard",), step_seconds=0.01)
    running = await serve(engine=engine, queue_seconds=0.01, jobs_waiting=2, store="all")
    once, several, later = {"idempotency-key": "once"}, {"idempotency-key": "several"}, {"idempotency-key": "later"}
    kept = await ask(running, **once)
    pictures = {"model": "postcard", "prompt": "a boat", "n": 3}
    kept_several = await running.client.post(PICTURES, json=pictures, headers=several)
    engine.gate.clear()
    job = await ask(running, prefer="respond-async", **later)
    flood = [asyncio.create_task(ask(running)) for _ in range(5)]
    await until(lambda: sum(task.done() for task in flood) >= 4)
    while (refused := await ask(running, prefer="respond-async")).status_code == 202:
        pass
    assert refused.status_code == (await ask(running, **{"idempotency-key": "new"})).status_code == 503
    assert (await ask(running, **once)).content == kept.content
    again = await running.client.post(PICTURES, json=pictures, headers=several)
    assert (again.status_code, again.content) == (200, kept_several.content)
    repeated = await ask(running, prefer="respond-async", **later)
    assert (repeated.status_code, repeated.json()["id"]) == (202, job.json()["id"])
    reused = await running.client.post(PICTURES, json=BODY | {"prompt": "a fox"}, headers=once)
    assert reused.json()["error"]["code"] == "idempotency_key_reused"
    engine.gate.set()
    await asyncio.gather(*flood)


async def test_a_hundred_and_fifty_jobs_at_once_pass_no_bound_of_jobs(serve: Serve) -> None:
    engine = held()
    running = await serve(engine=engine, jobs_waiting=10)
    answers = await asyncio.gather(*(ask(running, prefer="respond-async") for _ in range(150)))
    codes = Counter(answer.status_code for answer in answers)
    assert 10 <= codes[202] <= 12  # two more are drawn already
    assert codes[503] == 150 - codes[202]
    refusal = next(answer for answer in answers if answer.status_code == 503)
    assert refusal.json()["error"]["code"] == "engine_overloaded"
    assert "jobs_waiting" in refusal.json()["error"]["message"]
    engine.gate.set()


async def test_a_flood_of_one_key_closes_no_door_to_another(serve: Serve) -> None:
    engine = held()
    running = await serve(engine=engine, queue_seconds=NINE_PICTURES, jobs_waiting=10)
    neighbour = (await running.services.keys.create("neighbour")).text
    flood = [asyncio.create_task(ask(running)) for _ in range(60)]
    await until(lambda: sum(task.done() for task in flood) >= 51)
    jobs = [await ask(running, prefer="respond-async") for _ in range(30)]
    assert jobs[-1].status_code == 503
    drawn = asyncio.create_task(ask(running, neighbour))
    share = [await ask(running, neighbour, prefer="respond-async") for _ in range(5)]
    assert [answer.status_code for answer in share] == [202] * 5
    engine.gate.set()
    assert (await drawn).status_code == 200
    await asyncio.gather(*flood)


async def test_a_request_that_would_take_too_long_is_refused_and_told_how_to_ask_for_less(serve: Serve) -> None:
    running = await serve(request_seconds=1e-4)
    large = {"model": "postcard", "prompt": "a boat"}
    assert (await running.draw(**large)).status_code == 200  # from here on it is known what pictures cost
    assert (await running.draw(**large)).status_code == 200
    for headers in ({}, {"idempotency-key": "large"}):
        refused = await running.client.post(PICTURES, json=large | {"n": 10, "size": "4096x4096"}, headers=headers)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["param"]) == (400, "invalid_value", "size")
        assert "request_seconds" in error["message"]
        assert "smaller `size`" in error["message"]
    job = await running.client.post(PICTURES, json=large | {"size": "4096x4096"}, headers={"prefer": "respond-async"})
    assert job.status_code == 400
