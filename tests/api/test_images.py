"""`POST /v1/images/generations` over a real socket."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from typing import Any

import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.contract.values.sizes import SIZE_OF_ASPECT_RATIO
from tests.api.conftest import PICTURES, Running, Serve, until


def picture(answer: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"], validate=True)))


async def test_the_answer_has_the_documented_keys_and_no_other(running: Running) -> None:
    before = int(time.time())
    response = await running.draw()
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"created", "data"}
    assert before <= answer["created"] <= time.time()
    assert [set(item) for item in answer["data"]] == [{"b64_json", "revised_prompt"}]
    assert answer["data"][0]["revised_prompt"] == ""
    assert picture(answer).size == (1024, 1024)


@pytest.mark.parametrize(("ratio", "size"), SIZE_OF_ASPECT_RATIO.items())
@pytest.mark.parametrize("output_format", ["png", "jpeg"])
async def test_every_size_and_format_comes_as_asked(
    running: Running, ratio: str, size: str, output_format: str
) -> None:
    drawn = picture((await running.draw(aspect_ratio=ratio, output_format=output_format)).json())
    assert f"{drawn.width}x{drawn.height}" == size
    assert drawn.format == output_format.upper()


async def test_the_headers_say_what_drew_it_with_which_seed(running: Running) -> None:
    headers = (await running.draw(seed=12345)).headers
    assert headers["x-safelight-model"] == "postcard"
    assert headers["x-safelight-seed"] == "12345"
    assert headers["x-safelight-fingerprint"] == "fake3"
    assert int(headers["openai-processing-ms"]) >= 0
    assert headers["x-request-id"].startswith("req_")
    assert headers["content-type"] == "application/json"


async def test_the_fingerprint_names_what_the_operator_set_that_changes_bytes(serve: Serve) -> None:
    models = {"stable-image-ultra": {"source": "postcard", "steps": 12, "guidance_scale": 2.5}}
    running = await serve(metadata="full", models=models)
    assert (await running.draw()).headers["x-safelight-fingerprint"] == "fake3-steps12-guidance2.5-metadata-full"


async def test_seed_zero_draws_a_fresh_seed_that_draws_the_same_again(running: Running) -> None:
    first, second = await running.draw(), await running.draw(seed=0)
    assert first.headers["x-safelight-seed"] != second.headers["x-safelight-seed"]
    assert first.json()["data"] != second.json()["data"]
    again = await running.draw(seed=int(first.headers["x-safelight-seed"]))
    assert again.json()["data"] == first.json()["data"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", None],
)
async def test_json_is_read_whatever_harmless_type_the_client_says(running: Running, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    assert (await running.client.post(PICTURES, content=body, headers=headers)).status_code == 200


@pytest.mark.one_process("it waits until that one server has the request")
async def test_a_request_that_comes_while_the_model_loads_waits_for_it(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    running = await serve(engine=engine)
    assert (await running.client.get("/readyz")).status_code == 503
    waiting = asyncio.create_task(running.draw())
    await until(lambda: running.server.server_state.tasks)
    engine.loaded.set()
    assert (await waiting).status_code == 200


async def test_a_model_that_takes_too_long_to_load_is_a_503_with_retry_after(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    running = await serve(engine=engine, load_wait_seconds=0)
    response = await running.draw()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_loading")
    assert 1 <= int(response.headers["retry-after"]) <= 120
    engine.ready_in_seconds = 73.2
    response = await running.draw()
    assert int(response.headers["retry-after"]) == 74
    assert "73 s" in response.json()["error"]["message"]


async def test_a_model_that_failed_to_load_says_why_and_that_a_retry_is_useless(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="A weight file is missing."))
    response = await running.draw()
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "A weight file is missing." in response.json()["error"]["message"]
    assert response.headers["x-should-retry"] == "false"
    assert (await running.client.get("/readyz")).status_code == 503


@pytest.mark.one_process("plain requests are drawn once where they meet in one process")
async def test_identical_requests_with_a_seed_in_flight_together_are_drawn_once(running: Running) -> None:
    running.engine.gate.clear()
    asked = [asyncio.create_task(running.draw(seed=5)) for _ in range(4)]
    other = asyncio.create_task(running.draw(seed=6))
    await until(lambda: len(running.server.server_state.tasks) == 5)
    await until(lambda: running.engine.state().running == 2)
    running.engine.gate.set()
    answers = [(await task).json()["data"] for task in asked]
    assert all(answer == answers[0] for answer in answers)
    assert (await other).json()["data"] != answers[0]
    assert len(running.engine.drawn) == 2
    assert len(running.ledger.entries) == 5


async def test_requests_without_a_seed_are_never_shared(running: Running) -> None:
    running.engine.gate.clear()
    asked = [asyncio.create_task(running.draw()) for _ in range(3)]
    await until(lambda: running.engine.state().running == 3)
    running.engine.gate.set()
    assert len({(await task).text for task in asked}) == 3


async def _leave(running: Running, body: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    await until(lambda: running.engine.state().running >= 1)
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_has_its_work_cancelled(running: Running) -> None:
    running.engine.gate.clear()
    await _leave(running, b'{"model": "stable-image-ultra", "prompt": "a boat"}')
    await until(lambda: running.engine.cancelled)
    await until(lambda: running.ledger.entries)
    assert running.ledger.entries[0].outcome == "cancelled"
    assert running.engine.state().running == 0


@pytest.mark.one_process("plain requests are drawn once where they meet in one process")
async def test_a_client_that_leaves_cancels_nothing_that_another_waits_for(running: Running) -> None:
    running.engine.gate.clear()
    staying = asyncio.create_task(running.draw(seed=5))
    await until(lambda: running.engine.state().running == 1)
    await _leave(running, b'{"model": "stable-image-ultra", "prompt": "a boat", "seed": 5}')
    await until(lambda: len(running.ledger.entries) == 1)
    running.engine.gate.set()
    assert (await staying).status_code == 200
    assert not running.engine.cancelled


async def test_a_full_queue_is_a_503_that_says_when_to_come_back(serve: Serve) -> None:
    running = await serve(queue_seconds=1)
    running.engine.gate.clear()
    first = asyncio.create_task(running.draw())
    await until(lambda: running.engine.state().running == 1)
    response = await running.draw()
    assert (response.status_code, response.json()["error"]["code"]) == (503, "engine_overloaded")
    assert 1 <= int(response.headers["retry-after"]) <= 120
    running.engine.gate.set()
    assert (await first).status_code == 200
    assert (await running.draw()).status_code == 200


async def test_the_ledger_keeps_what_happened_and_no_prompt(running: Running) -> None:
    response = await running.draw(prompt="a very private boat", seed=9, aspect_ratio="16:9")
    (entry,) = running.ledger.entries
    assert (entry.outcome, entry.seed, entry.width, entry.height) == ("finished", 9, 1344, 768)
    assert entry.request_id == response.headers["x-request-id"]
    assert entry.image_bytes > 0
    assert "private" not in repr(entry)
