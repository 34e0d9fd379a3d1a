"""A prompt of which the model read only a part: said in every way to a picture."""

from __future__ import annotations

import json

from safelight.adapters.fake.engine import FakeEngine
from safelight.contract.requests.prompt_cut import PromptCut
from tests.api.conftest import PICTURES, Serve
from tests.api.test_jobs import finished

SAID = {"prompt": {"read": 77, "tokens": 122}}
HEADER = "prompt;read=77;tokens=122"


def cutting() -> FakeEngine:
    engine = FakeEngine(("postcard",))
    engine.cuts = (PromptCut("prompt", 77, 122),)
    return engine


async def test_a_plain_answer_says_it_in_a_header_that_pages_may_read(serve: Serve) -> None:
    running = await serve(engine=cutting(), cors_origins="https://app.example")
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    answer = await running.client.post(PICTURES, json=body, headers={"origin": "https://app.example"})
    assert answer.headers["x-safelight-prompt-truncated"] == HEADER
    assert "x-safelight-prompt-truncated" in answer.headers["access-control-expose-headers"]


async def test_what_was_read_whole_has_no_such_header(serve: Serve) -> None:
    running = await serve()
    assert "x-safelight-prompt-truncated" not in (await running.draw()).headers


async def test_a_stream_says_it_with_the_picture(serve: Serve) -> None:
    running = await serve(engine=cutting())
    answer = await running.draw(model="postcard", stream=True)
    (event,) = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line[:5] == "data:"]
    assert event["type"] == "image_generation.completed"
    assert event["prompt_truncated"] == SAID


async def test_a_job_keeps_it(serve: Serve) -> None:
    running = await serve(engine=cutting())
    job = await finished(running)
    assert job["image"]["prompt_truncated"] == SAID
    running.engine.cuts = ()
    job = await finished(running, seed=9)
    assert job["image"]["prompt_truncated"] is None


async def test_an_answer_that_comes_again_says_it_again(serve: Serve) -> None:
    running = await serve(engine=cutting())
    body, headers = {"model": "stable-image-ultra", "prompt": "a boat"}, {"idempotency-key": "one"}
    answers = [await running.client.post(PICTURES, json=body, headers=headers) for _ in range(2)]
    assert [answer.headers["x-safelight-prompt-truncated"] for answer in answers] == [HEADER] * 2
