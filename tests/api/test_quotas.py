"""Quotas over HTTP: every way to a picture counts, what is not drawn does not, and the key can see how it stands."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.contract.records.quotas import day_of
from tests.api.conftest import PICTURES, Running, Serve, until, until_seen
from tests.api.questions import PICTURE

EDITS = "/v1/images/edits"
OPEN = {"model": "postcard", "prompt": "a boat", "size": "1024x1024"}


async def used(running: Running, name: str = "pictures_per_day") -> tuple[float, float]:
    """What is used of a quota, and what is reserved."""
    answer = await running.client.get("/v1/usage")
    assert answer.status_code == 200, answer.text
    (state,) = [each for each in answer.json()["quotas"] if each["name"] == name]
    return state["used"], state["reserved"]


async def settled(running: Running, wanted: tuple[float, float], name: str = "pictures_per_day") -> None:
    """Returns once the ledger, which is written behind the requests' backs, says so."""
    async with asyncio.timeout(300):
        await until_seen(lambda: used(running, name), lambda found: found == wanted)


async def drawn(running: Running, **fields: Any) -> httpx.Response:
    return await running.client.post(PICTURES, json=OPEN | fields)


def assert_refused(answer: httpx.Response) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (429, "quota_exceeded", "rate_limit_error")
    assert "UTC" in error["message"]
    assert 0 < int(answer.headers["retry-after"]) <= 86_400
    assert answer.headers["x-should-retry"] == "false" or int(answer.headers["retry-after"]) <= 120


async def test_every_way_to_a_picture_counts_and_is_refused_once_the_quota_is_used_up(serve: Serve) -> None:
    running = await serve(kept=True, quotas={"pictures_per_day": 7})
    assert (await drawn(running)).status_code == 200
    assert (await drawn(running, n=2)).status_code == 200
    assert (await drawn(running, stream=True)).status_code == 200
    edit = {"model": "postcard", "prompt": "at night", "images": [{"image_url": PICTURE}]}
    assert (await running.client.post(EDITS, json=edit)).status_code == 200
    job = await running.client.post(PICTURES, json=OPEN, headers={"prefer": "respond-async"})
    assert job.status_code == 202
    assert (await running.client.post(PICTURES, json=OPEN, headers={"idempotency-key": "k"})).status_code == 200
    await settled(running, (7, 0))
    for body, headers in (
        ({}, {}),
        ({"stream": True}, {}),
        ({}, {"prefer": "respond-async"}),
        ({}, {"idempotency-key": "other"}),
    ):
        assert_refused(await running.client.post(PICTURES, json=OPEN | body, headers=headers))
    assert_refused(await running.client.post(EDITS, json=edit))
    again = await running.client.post(PICTURES, json=OPEN, headers={"idempotency-key": "k"})
    assert again.status_code == 200, "an answer that was promised is given again, and uses nothing"
    assert await used(running) == (7, 0)


async def test_of_many_that_come_at_once_no_more_are_drawn_than_may_be(serve: Serve) -> None:
    running = await serve(kept=True, quotas={"pictures_per_month": 5})
    answers = await asyncio.gather(*(drawn(running, n=1 + number % 2) for number in range(12)))
    pictures = sum(len(answer.json()["data"]) for answer in answers if answer.status_code == 200)
    assert {answer.status_code for answer in answers} == {200, 429}
    assert pictures in (4, 5), "no more than there are, and nothing that would fit is refused"
    await settled(running, (pictures, 0), "pictures_per_month")


async def test_what_is_under_way_is_reserved_and_what_is_left_by_its_caller_is_free_again(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine, kept=True, quotas={"pictures_per_day": 2})
    asking = asyncio.create_task(drawn(running, n=2))
    await until(lambda: engine.state().running == 2)
    assert await used(running) == (0, 2)
    refused = await drawn(running)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    asking.cancel()
    await settled(running, (0, 0))
    engine.gate.set()
    assert (await drawn(running, n=2)).status_code == 200


async def test_what_fails_or_is_refused_later_uses_nothing(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    running = await serve(engine=engine, kept=True, quotas={"pictures_per_day": 2}, jobs_waiting=1)
    engine.flags = True
    assert (await drawn(running)).status_code == 400
    engine.flags = False
    several = await running.client.post(PICTURES, json=OPEN | {"n": 2}, headers={"prefer": "respond-async"})
    assert several.status_code == 400
    await settled(running, (0, 0))
    engine.gate.clear()
    waiting = {"prefer": "respond-async"}
    first = (await running.client.post(PICTURES, json=OPEN, headers=waiting)).json()
    assert await used(running) == (0, 1)
    await running.client.post(f"/v1/jobs/{first['id']}/cancel", json={})
    await settled(running, (0, 0))


async def test_megapixels_and_seconds_are_counted_as_they_were_drawn(serve: Serve) -> None:
    running = await serve(kept=True, quotas={"megapixels_per_day": 2.5, "seconds_per_day": 1000})
    assert (await drawn(running, n=2)).status_code == 200
    await settled(running, (2.097, 0), "megapixels_per_day")
    assert_refused(await drawn(running))
    assert (await drawn(running, size="512x512")).status_code == 200
    (model,) = (await running.client.get("/v1/usage")).json()["data"]
    await settled(running, (2.359, 0), "megapixels_per_day")
    assert (model["day"], model["model"]) == (day_of(time.time()), "postcard")


async def test_keys_of_a_group_share_its_quotas_and_other_keys_do_not(serve: Serve) -> None:
    running = await serve(kept=True)
    administration = running.services.keys.administration
    await administration.set_group("team", {"pictures_per_day": 3}, "cli:test")
    clients = []
    for name in ("a", "b"):
        minted = await running.services.keys.create(name)
        await administration.change(minted.record.id, {"group": "team"}, "cli:test")
        clients.append({"authorization": f"Bearer {minted.text}"})
    first, second = clients
    assert (await running.client.post(PICTURES, json=OPEN | {"n": 2}, headers=first)).status_code == 200
    refused = await running.client.post(PICTURES, json=OPEN | {"n": 2}, headers=second)
    assert refused.status_code == 429
    assert "The group team" in refused.json()["error"]["message"]
    assert (await running.client.post(PICTURES, json=OPEN, headers=second)).status_code == 200
    assert (await drawn(running, n=4)).status_code == 200
    (shared,) = (await running.client.get("/v1/usage", headers=second)).json()["quotas"]
    assert (shared["group"], shared["limit"]) == ("team", 3)


async def test_embeddings_use_seconds_and_their_tokens_are_counted(serve: Serve) -> None:
    running = await serve(kept=True, quotas={"seconds_per_day": 1000, "pictures_per_day": 0})
    body = {"model": "all-minilm-l6-v2", "input": "a boat"}
    answer = await running.client.post("/v1/embeddings", json=body)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()["usage"]["total_tokens"]
    async with asyncio.timeout(300):
        told = await until_seen(lambda: running.client.get("/v1/usage"), lambda found: bool(found.json()["data"]))
    data = told.json()["data"]
    assert [(row["model"], row["tokens"], row["pictures"]) for row in data] == [("all-minilm-l6-v2", tokens, 0)]
    (key,) = await running.services.keys.all()
    await running.services.keys.administration.change(key.id, {"quotas": {"seconds_per_day": 0}}, "cli:test")
    assert_refused(await running.client.post("/v1/embeddings", json=body))


async def test_a_key_may_have_a_rate_of_its_own(serve: Serve) -> None:
    running = await serve(kept=True)
    (key,) = await running.services.keys.all()
    await running.services.keys.administration.change(key.id, {"rate_limit": 1}, "cli:test")
    assert (await drawn(running)).headers["x-ratelimit-limit-requests"] == "1"
    assert (await drawn(running)).json()["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("to=20261127", "to"),
        ("day=2", "day"),
        ("to=2026-01-01&to=2026-01-02", "to"),
    ],
)
async def test_a_query_of_usage_that_cannot_be_is_told(running: Running, query: str, param: str) -> None:
    answer = await running.client.get(f"/v1/usage?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_usage_is_of_the_days_that_are_asked_for(serve: Serve) -> None:
    running = await serve(kept=True, quotas={"pictures_per_day": 5})
    await drawn(running)
    await settled(running, (1, 0))
    today = day_of(time.time())
    asked = {"": 1, f"?from={today}": 1, f"?to={today}": 1, "?to=2020-01-01": 0, "?from=2999-01-01": 0}
    for query, rows in asked.items():
        assert len((await running.client.get(f"/v1/usage{query}")).json()["data"]) == rows, query
