"""A picture that the model's safety checker refuses leaves by no exit."""

from __future__ import annotations

import json

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Serve, until

CODE = "content_policy_violation"


async def test_a_refused_picture_is_an_error_in_every_kind_of_answer(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.flags = True
    running = await serve(engine=engine, store="all")
    body = {"model": "postcard", "prompt": "a boat", "size": "64x64"}

    for headers in ({}, {"idempotency-key": "once"}, {"idempotency-key": "once"}):
        plain = await running.client.post(PICTURES, json=body, headers=headers)
        assert (plain.status_code, plain.json()["error"]["code"]) == (400, CODE)

    stream = await running.client.post(PICTURES, json=body | {"stream": True, "partial_images": 2})
    assert "event: error" in stream.text
    assert CODE in stream.text
    assert "b64_json" not in stream.text

    accepted = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    events = await running.client.get(f"/v1/jobs/{accepted.json()['id']}/events")
    assert "event: end" in events.text
    job = (await running.client.get(f"/v1/jobs/{accepted.json()['id']}")).json()
    assert (job["status"] if "status" in job else job["state"], job["error"]["code"]) == ("failed", CODE)

    listed = (await running.client.get("/v1/jobs")).json()["data"]
    assert {json.dumps(one["error"]["code"]) for one in listed} == {f'"{CODE}"'}  # and none was kept as a success
    await until(lambda: running.services.generate.work_seconds == 0)


async def test_a_blocked_term_in_the_negative_prompt_is_refused_and_named(serve: Serve) -> None:
    running = await serve(blocked_prompts=("secret",))
    refused = await running.draw(model="postcard", negative_prompt="a s\u200becret")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, CODE, "negative_prompt")
