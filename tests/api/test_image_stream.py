"""`stream: true`: the events of OpenAI's image streaming over a real socket (CONTRACT 6)."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.api.routes.pictures import image_stream
from safelight.api.routes.pictures.image_stream import Partials
from safelight.protocol.messages import Preview
from tests.api.conftest import PICTURES, Running, Serve, until

PARTIAL, COMPLETED = "image_generation.partial_image", "image_generation.completed"
ASKED = {"model": "postcard", "prompt": "a boat", "stream": True}


@asynccontextmanager
async def streaming(running: Running, headers: dict[str, str] | None = None, **fields: Any) -> AsyncIterator[Any]:
    """An open answer."""
    async with running.client.stream("POST", PICTURES, json=ASKED | fields, headers=headers) as answer:
        yield answer


async def events_of(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """What the events hold; a comment is `{}`. Each event's name is its type."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            yield {}
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line:
            event = json.loads(line.removeprefix("data: "))
            assert event["type"] == name
            yield event


async def stream(running: Running, headers: dict[str, str] | None = None, **fields: Any) -> list[dict[str, Any]]:
    async with streaming(running, headers, **fields) as answer:
        assert answer.status_code == 200, await answer.aread()
        return [event async for event in events_of(answer)]


def file_of(event: dict[str, Any]) -> bytes:
    return base64.b64decode(event["b64_json"], validate=True)


def opened(event: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(file_of(event)))


async def test_a_stream_shows_the_picture_while_it_is_drawn_and_ends_with_the_same_bytes(running: Running) -> None:
    before = int(time.time())
    first, second, last = await stream(running, partial_images=2, seed=7, size="1344x768")
    common = {"type", "b64_json", "created_at", "size", "quality", "background", "output_format"}
    assert set(first) == set(second) == common | {"partial_image_index"}
    assert set(last) == common | {"usage"}
    assert [event["type"] for event in (first, second, last)] == [PARTIAL, PARTIAL, COMPLETED]
    assert [event["partial_image_index"] for event in (first, second)] == [0, 1]
    for event in (first, second, last):
        assert (event["size"], event["quality"]) == ("1344x768", "auto")
        assert (event["background"], event["output_format"]) == ("opaque", "png")
        assert before <= event["created_at"] <= time.time()
    assert last["usage"] == {
        "input_tokens": 0, "output_tokens": 0, "total_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    }  # fmt: skip
    assert opened(first).size == (512, 293)
    assert file_of(first) != file_of(second)
    plain = (await running.draw(model="postcard", seed=7, size="1344x768")).json()
    assert last["b64_json"] == plain["data"][0]["b64_json"]


async def test_the_head_says_what_draws_it_and_with_which_seed(running: Running) -> None:
    async with streaming(running, n=2, seed=9) as answer:
        headers = answer.headers
        await answer.aread()
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-store"
    assert headers["x-safelight-model"] == "postcard"
    assert (headers["x-safelight-seed"], headers["x-safelight-seeds"]) == ("9", "9, 10")
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("partial_images", [0, 1, 3])
async def test_as_many_partial_pictures_come_as_were_asked_for(running: Running, partial_images: int) -> None:
    events = await stream(running, partial_images=partial_images)
    assert [event["type"] for event in events] == [PARTIAL] * partial_images + [COMPLETED]


@pytest.mark.parametrize(("output_format", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
async def test_partial_pictures_are_of_the_format_asked_for_and_marked(
    running: Running, output_format: str, kind: str
) -> None:
    partial, last = await stream(running, partial_images=1, output_format=output_format)
    assert (opened(partial).format, opened(last).format) == (kind, kind)
    assert b"trainedAlgorithmicMedia" in file_of(partial)


async def test_a_partial_drawing_is_a_drawing(running: Running) -> None:
    partial, last = await stream(running, partial_images=1, output_format="svg")
    for event in (partial, last):
        assert file_of(event).startswith(b"<svg ")
        assert b"trainedAlgorithmicMedia" in file_of(event)


async def test_partial_pictures_come_before_the_picture_is_finished(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    async with streaming(running, partial_images=3) as answer:
        events = events_of(answer)
        engine.gate.set()
        assert (await anext(events))["type"] == PARTIAL
        assert [event["type"] async for event in events] == [PARTIAL, PARTIAL, COMPLETED]


async def test_several_pictures_come_one_after_the_other(running: Running) -> None:
    events = await stream(running, n=3, partial_images=1, seed=3)
    assert [event["type"] for event in events] == [PARTIAL, COMPLETED] * 3
    for seed, last in zip((3, 4, 5), events[1::2], strict=True):
        assert last["b64_json"] == (await running.draw(model="postcard", seed=seed)).json()["data"][0]["b64_json"]


async def test_nobody_looks_where_no_partial_pictures_were_asked_for(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(running.engine, "watch", lambda job_id, longest: looked.append(job_id))
    await stream(running)
    assert looked == []


async def test_what_is_wrong_before_the_stream_begins_is_an_ordinary_error(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="A weight file is missing."))
    async with streaming(running) as answer:
        await answer.aread()
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/json")
        assert answer.json()["error"]["code"] == "internal_error"


async def test_what_goes_wrong_afterwards_is_an_event_in_the_same_shape(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    async with streaming(running) as answer:
        assert answer.status_code == 200
        await engine.stop()
        (event,) = [event async for event in events_of(answer)]
    assert event["type"] == "error"
    assert event["error"] == {
        "message": "The server is shutting down.", "type": "server_error", "param": None, "code": "shutting_down",
    }  # fmt: skip


async def test_a_client_that_leaves_has_its_work_cancelled(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    async with streaming(running, n=2, partial_images=1):
        await until(lambda: engine.state().running == 2)
    await until(lambda: len(engine.cancelled) == 2)
    await until(lambda: len(running.ledger.entries) == 2)
    assert {entry.outcome for entry in running.ledger.entries} == {"cancelled"}


async def test_a_silent_stream_is_kept_open_by_comments(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_stream, "COMMENT_SECONDS", 0.01)
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    async with streaming(running) as answer:
        events = events_of(answer)
        for _ in range(2):
            assert await anext(events) == {}


async def test_with_an_idempotency_key_the_finished_picture_comes_and_comes_again(running: Running) -> None:
    once = await stream(running, {"idempotency-key": "k"}, partial_images=2)
    again = await stream(running, {"idempotency-key": "k"}, partial_images=2)
    assert [event["type"] for event in once] == [COMPLETED]
    assert once[0]["b64_json"] == again[0]["b64_json"]


async def test_a_streamed_picture_is_kept_where_all_are(serve: Serve) -> None:
    running = await serve(store="all")
    (event,) = await stream(running)
    (job,) = (await running.client.get("/v1/jobs")).json()["data"]
    assert (await running.client.get(f"/v1/jobs/{job['id']}/image")).content == file_of(event)


@pytest.mark.one_process("plain requests are drawn once where they meet in one process")
async def test_two_who_stream_the_same_picture_share_one_drawing(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    asked = [asyncio.create_task(stream(running, seed=5, partial_images=count)) for count in (1, 2)]
    await until(lambda: running.services.generate.pictures.waiting == [2])
    engine.gate.set()
    one, two = await asyncio.gather(*asked)
    assert one[-1]["b64_json"] == two[-1]["b64_json"]
    assert [len(one), len(two)] == [2, 3]
    assert len(engine.drawn) == 1


def chosen(count: int, steps: int) -> list[int]:
    partials = Partials(count)
    for step in range(1, steps + 1):
        partials.see(Preview(job_id="", step=step, steps=steps, image=bytes([step])))
    return [image[0] for image in partials.take()]


def test_partial_pictures_are_spread_over_the_steps() -> None:
    assert chosen(3, 8) == [2, 4, 6]
    assert chosen(2, 50) == [17, 34]
    assert chosen(1, 4) == [2]
    assert chosen(0, 4) == []


def test_a_picture_of_few_steps_has_fewer_partial_pictures() -> None:
    assert chosen(3, 3) == [1, 2]
    assert chosen(3, 1) == []


def test_what_a_slow_reader_has_not_taken_is_bounded() -> None:
    assert len(chosen(3, 200)) == 3
