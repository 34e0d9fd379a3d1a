"""`POST /v1/images/generations` for a model under its own id: several pictures, formats, sizes, steps (CONTRACT 6)."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import TRAITS
from safelight.contract.requests.order import Order
from safelight.protocol.messages import JobEvent
from tests.api.conftest import PICTURES, Running, Serve, until

MODEL = "postcard"


def files(response: Any) -> list[bytes]:
    assert response.status_code == 200, response.text
    return [base64.b64decode(item["b64_json"], validate=True) for item in response.json()["data"]]


async def draw(running: Running, **fields: Any) -> Any:
    return await running.draw(**{"model": MODEL} | fields)


async def test_several_pictures_are_those_of_the_seeds_that_follow(running: Running) -> None:
    response = await draw(running, n=3, seed=41)
    assert response.headers["x-safelight-seed"] == "41"
    assert response.headers["x-safelight-seeds"] == "41, 42, 43"
    alone = [files(await draw(running, seed=seed))[0] for seed in (41, 42, 43)]
    assert files(response) == alone
    assert sorted(entry.seed or 0 for entry in running.ledger.entries[:3]) == [41, 42, 43]


async def test_several_pictures_without_a_seed_all_differ_and_can_be_drawn_again(running: Running) -> None:
    response = await draw(running, n=4)
    seeds = [int(seed) for seed in response.headers["x-safelight-seeds"].split(", ")]
    assert len(set(seeds)) == 4
    assert files(await draw(running, seed=seeds[2])) == [files(response)[2]]


async def test_one_picture_has_no_list_of_seeds_and_says_its_tier(running: Running) -> None:
    headers = (await draw(running)).headers
    assert "x-safelight-seeds" not in headers
    assert headers["x-safelight-tier"] == "exact"


async def test_what_was_drawn_in_a_batch_says_that_its_bytes_are_not_promised(running: Running) -> None:
    running.engine.merges = True
    assert (await draw(running)).headers["x-safelight-tier"] == "throughput"
    assert (await draw(running, n=2)).headers["x-safelight-tier"] == "throughput"
    assert (await draw(running, seed=5)).headers["x-safelight-tier"] == "exact"


async def test_a_client_that_leaves_has_all_its_pictures_cancelled(running: Running) -> None:
    running.engine.gate.clear()
    leaving = asyncio.create_task(draw(running, n=5))
    await until(lambda: running.engine.state().running == 5)
    leaving.cancel()
    await until(lambda: len(running.engine.cancelled) == 5)
    await until(lambda: len(running.ledger.entries) == 5)
    assert {entry.outcome for entry in running.ledger.entries} == {"cancelled"}


async def test_all_pictures_count_for_the_queue_and_none_is_drawn_when_they_do_not_fit(serve: Serve) -> None:
    running = await serve(queue_seconds=5)
    running.engine.gate.clear()
    first = asyncio.create_task(draw(running))
    await until(lambda: running.engine.state().running == 1)
    body = {"model": MODEL, "prompt": "a boat", "n": 3 * running.servers}
    for headers in ({}, {"idempotency-key": "k"}):
        response = await running.client.post(PICTURES, json=body, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "engine_overloaded")
        assert running.engine.state().running == 1
    running.engine.gate.set()
    assert (await first).status_code == 200
    while (all_of_them := await draw(running, n=10)).status_code == 503 and running.servers > 1:
        pass  # what has ended at one server the others know by its next renewal
    assert len(files(all_of_them)) == 10


async def test_each_picture_of_several_is_kept_where_all_are(serve: Serve) -> None:
    running = await serve(store="all")
    seeds = (await draw(running, n=3)).headers["x-safelight-seeds"].split(", ")
    jobs = (await running.client.get("/v1/jobs")).json()["data"]
    assert sorted(str(job["seed"]) for job in jobs) == sorted(seeds)
    assert all("n" not in job["request"] for job in jobs)


async def test_several_pictures_with_an_idempotency_key_are_the_same_when_asked_again(running: Running) -> None:
    body = {"model": MODEL, "prompt": "a boat", "n": 3}
    first, again = [await running.client.post(PICTURES, json=body, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert len(files(first)) == len(set(files(first))) == 3
    assert first.content == again.content
    assert first.headers["x-safelight-seeds"] == again.headers["x-safelight-seeds"]
    other = await running.client.post(PICTURES, json=body | {"n": 2}, headers={"idempotency-key": "k"})
    assert other.json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(("name", "value"), [("n", 2), ("stream", True)])
async def test_a_job_is_one_picture_and_has_no_stream(running: Running, name: str, value: Any) -> None:
    body = {"model": MODEL, "prompt": "a boat", name: value}
    response = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, name)


async def test_a_job_keeps_what_it_was_asked_with(running: Running) -> None:
    asked = {"output_format": "webp", "output_compression": 40, "quality": "low", "size": "320x208"}
    response = await running.client.post(
        PICTURES, json={"model": MODEL, "prompt": "a boat"} | asked, headers={"prefer": "respond-async"}
    )
    job = response.json()
    assert job["request"].items() >= asked.items()
    assert "steps" not in job["request"]
    async with running.client.stream("GET", f"/v1/jobs/{job['id']}/events") as events:
        await events.aread()
    image = await running.client.get(f"/v1/jobs/{job['id']}/image")
    assert image.headers["content-type"] == "image/webp"
    assert files(await draw(running, **job["request"] | {"seed": job["seed"]})) == [image.content]


async def test_a_drawing_has_a_thumbnail_too(running: Running) -> None:
    response = await running.client.post(
        PICTURES,
        json={"model": MODEL, "prompt": "a boat", "output_format": "svg", "size": "1344x768"},
        headers={"prefer": "respond-async"},
    )
    job = response.json()["id"]
    async with running.client.stream("GET", f"/v1/jobs/{job}/events") as events:
        await events.aread()
    assert (await running.client.get(f"/v1/jobs/{job}/image")).headers["content-type"] == "image/svg+xml"
    small = (await running.client.get(f"/v1/jobs/{job}/thumbnail")).content
    picture = Image.open(io.BytesIO(small))
    assert (picture.format, picture.width) == ("JPEG", 384)
    assert picture.height == pytest.approx(384 * 768 / 1344, abs=1)


@pytest.mark.parametrize(
    ("fields", "kind", "size"),
    [
        ({"output_format": "webp", "size": "640x320"}, "WEBP", (640, 320)),
        ({"output_format": "jpeg", "output_compression": 10, "size": "2064x80"}, "JPEG", (2064, 80)),
        ({"size": "auto"}, "PNG", (1024, 1024)),
    ],
)
async def test_formats_and_sizes_come_as_asked(
    running: Running, fields: dict[str, Any], kind: str, size: tuple[int, int]
) -> None:
    (file,) = files(await draw(running, **fields))
    picture = Image.open(io.BytesIO(file))
    assert (picture.format, picture.size) == (kind, size)


async def test_steps_and_guidance_reach_the_engine_and_the_fingerprint_says_what_a_quality_took(
    running: Running,
) -> None:
    plain = files(await draw(running, seed=5))
    assert files(await draw(running, seed=5, steps=7)) != plain
    assert files(await draw(running, seed=5, guidance_scale=9.5)) != plain
    assert (await draw(running, steps=7, guidance_scale=9)).headers["x-safelight-fingerprint"] == "fake3"
    assert (await draw(running, quality="high")).headers["x-safelight-fingerprint"] == "fake3-steps8"
    assert files(await draw(running, seed=5, quality="high")) == files(await draw(running, seed=5, steps=8))


@pytest.mark.parametrize("headers", [{}, {"prefer": "respond-async"}])
async def test_the_engine_is_told_on_whose_behalf_and_what_was_promised(
    running: Running, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[Order] = []
    submit = running.engine.submit

    def noted(job: Order) -> AsyncIterator[JobEvent]:
        submitted.append(job)
        return submit(job)

    monkeypatch.setattr(running.engine, "submit", noted)
    heavy = await running.services.keys.create("heavy", weight=3)
    headers = headers | {"authorization": f"Bearer {heavy.text}"}
    for seed in (0, 5):
        await running.client.post(PICTURES, json={"model": MODEL, "prompt": "a boat", "seed": seed}, headers=headers)
    await until(lambda: len(submitted) == 2)
    assert {(job.share.group, job.share.weight) for job in submitted} == {(heavy.record.id, 3.0)}
    assert sorted(job.share.exact for job in submitted) == [False, True]


@pytest.mark.one_process("it counts what waits in a server")
async def test_a_request_to_a_model_that_is_not_described_yet_waits_and_is_then_judged(serve: Serve) -> None:
    engine = FakeEngine(("postcard",), traits=None)
    engine.loaded.clear()
    running = await serve(engine=engine)
    shown = (await running.client.get("/v1/models/postcard")).json()
    assert (shown["status"], "steps" in shown["capabilities"]["parameters"]) == ("loading", False)
    good, bad = asyncio.create_task(draw(running, steps=3)), asyncio.create_task(draw(running, steps=0))
    await until(lambda: len(running.server.server_state.tasks) == 2)
    assert (await running.draw(seed=-1)).status_code == 400
    engine.loaded.set()
    assert (await good).status_code == 200
    assert (await bad).json()["error"]["param"] == "steps"
    shown = (await running.client.get("/v1/models/postcard")).json()
    assert shown["capabilities"]["parameters"]["steps"]["default"] == 4


async def test_a_negative_prompt_is_refused_by_name_where_what_draws_has_no_use_for_it(serve: Serve) -> None:
    engine = FakeEngine(("postcard",), traits=structs.replace(TRAITS, negative_prompt=False))
    running = await serve(engine=engine)
    for model in ("stable-image-ultra", MODEL):
        error = (await running.draw(model=model, negative_prompt="fog")).json()["error"]
        assert (error["code"], error["param"]) == ("unknown_parameter", "negative_prompt")
        ignored = await running.draw(model=model, negative_prompt="fog", allow_ignored_params=True, seed=5)
        assert files(ignored) == files(await running.draw(model=model, negative_prompt="", seed=5))
        shown = (await running.client.get(f"/v1/models/{model}")).json()["capabilities"]["parameters"]
        assert "negative_prompt" not in shown


async def test_a_model_that_is_not_described_in_time_is_a_503(serve: Serve) -> None:
    engine = FakeEngine(("postcard",), traits=None)
    engine.loaded.clear()
    running = await serve(engine=engine, load_wait_seconds=0)
    response = await draw(running, steps=3)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_loading")


async def test_a_model_that_failed_before_it_was_described_says_why(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="A weight file is missing.", traits=None))
    response = await draw(running)
    assert (response.status_code, response.headers["x-should-retry"]) == (500, "false")
    assert "A weight file is missing." in response.json()["error"]["message"]
