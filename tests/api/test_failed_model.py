"""A model that failed before it was described: its reason is the answer, to whoever may use it."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Serve

WHY = "The checkpoint is a pickle."


@pytest.mark.parametrize("fields", [{"size": "64x64"}, {"steps": 2}, {"size": "1024x1024"}, {}])
async def test_the_reason_is_told_and_nothing_else_is_blamed(serve: Serve, fields: dict[str, Any]) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken=WHY, traits=None))
    answer = await running.draw(model="postcard", **fields)
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == f"The model postcard cannot draw. {WHY}"
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("fields", [{"size": "64x64"}, {"steps": 2}, {}])
async def test_a_key_that_may_not_use_the_model_is_not_told_why(serve: Serve, fields: dict[str, Any]) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken=WHY, traits=None))
    other = await running.services.keys.create("other", models=("stable-image-ultra",))
    body = {"model": "postcard", "prompt": "a boat"} | fields
    headers = {"authorization": f"Bearer {other.text}"}
    answer = await running.client.post(PICTURES, json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_allowed")
    assert WHY not in answer.text


async def test_what_is_wrong_whatever_the_model_is_said_first(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken=WHY, traits=None))
    answer = await running.draw(model="nothing")
    assert answer.json()["error"]["code"] == "model_not_found"
