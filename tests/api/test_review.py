"""A finished picture that is not to be shown reaches nobody, on whatever way it would go out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.pictures.decoder import PictureProcesses
from safelight.bootstrap.use_cases.drawing import Around, Local, open_drawing
from safelight.contract.errors import InvalidRequest
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Finished
from safelight.service.drawing.capacity.admission import Admission
from safelight.settings import read_settings
from tests.api.conftest import PICTURES, Running, Serve, until

OPEN, STRICT = "open-model", "stable-image-ultra"
SAID = "The operator of this server does not show this picture."


class NoFoxes:
    """Refuses every finished picture of a fox; `seen` are the prompts of all that it looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, order: Order, finished: Finished) -> None:
        assert finished.image
        self.seen.append(order.recipe.prompt)
        if "fox" in order.recipe.prompt:
            raise InvalidRequest(SAID, code="content_policy_violation", param="prompt")


@pytest.fixture
def review() -> NoFoxes:
    return NoFoxes()


@pytest.fixture
async def reviewed(serve: Serve, review: NoFoxes) -> Running:
    return await serve(
        review=review,
        store="all",
        models={OPEN: {"source": "postcard", "contract": "open"}, STRICT: {"source": "postcard"}},
    )


async def kept(running: Running) -> list[Any]:
    return list((await running.client.get("/v1/jobs")).json()["data"])


@pytest.mark.parametrize("headers", [{}, {"idempotency-key": "once"}])
async def test_it_is_refused_to_who_waits_and_not_kept(reviewed: Running, headers: dict[str, str]) -> None:
    for _ in range(2):
        body = {"model": "stable-image-ultra", "prompt": "a fox", "seed": 7}
        answer = await reviewed.client.post(PICTURES, json=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "content_policy_violation"
        assert answer.json()["error"]["message"] == SAID
    assert all(job["state"] == "failed" for job in await kept(reviewed))


async def test_it_is_refused_in_a_stream(reviewed: Running) -> None:
    answer = await reviewed.draw(model=OPEN, prompt="a fox", stream=True)
    assert "event: error" in answer.text
    assert "content_policy_violation" in answer.text
    assert "image_generation.completed" not in answer.text


async def test_a_job_fails_with_that_code(reviewed: Running) -> None:
    body = {"model": "stable-image-ultra", "prompt": "a fox"}
    job = (await reviewed.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})).json()
    events = (await reviewed.client.get(f"/v1/jobs/{job['id']}/events")).text
    assert "content_policy_violation" in events
    assert (await reviewed.client.get(f"/v1/jobs/{job['id']}/image")).status_code == 404


@pytest.mark.one_process("plain requests share a picture within a process")
async def test_a_picture_that_two_share_is_looked_at_once(reviewed: Running, review: NoFoxes) -> None:
    reviewed.engine.gate.clear()
    drawing = [asyncio.create_task(reviewed.draw(prompt="a boat", seed=7)) for _ in range(2)]
    await until(lambda: reviewed.services.generate.pictures.waiting == [2])
    reviewed.engine.gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*drawing)] == [200, 200]
    assert review.seen == ["a boat"]
    assert [job["state"] for job in await kept(reviewed)] == ["finished", "finished"]


async def test_it_is_refused_without_a_server(tmp_path: Path, review: NoFoxes) -> None:
    engine = FakeEngine(("postcard",))
    await engine.start()
    settings = read_settings({"home": tmp_path})
    pictures = PictureProcesses()
    telemetry, around = PrometheusTelemetry(), Around(review=review)
    drawing = open_drawing(settings, engine, MemoryLedger(), telemetry, Admission(60.0), pictures, around)
    local = Local(drawing)
    request = await local.read({"model": "stable-image-ultra", "prompt": "a fox"})
    with pytest.raises(InvalidRequest, match="does not show"):
        await local.generate(request, lambda step, steps: None)
    await engine.stop()
