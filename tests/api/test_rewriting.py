"""Prompts that a chat model writes anew: once at acceptance, or the caller's own is drawn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from safelight.bootstrap.use_cases.chat import upstreams_of
from safelight.bootstrap.use_cases.rewriting import open_rewriter
from safelight.contract.errors import ConfigurationError
from safelight.settings import read_settings
from tests.api.conftest import PICTURES, Running, Serve
from tests.api.test_chat import ANSWER, Answering, Seen, saying, upstream
from tests.api.test_jobs import ASYNC, ended

OWN, REVISED = "a boat", "A red fishing boat on a calm sea at dawn"
MODELS: dict[str, Any] = {
    "stable-image-ultra": {"source": "postcard"},
    "postcard": {"source": "postcard", "rewrite": "small"},
    "plain": {"source": "postcard"},
}


def completion(text: object) -> Answering:
    """A chat completion with that content."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return saying(200, ANSWER | {"choices": [choice]})


@asynccontextmanager
async def rewriting(serve: Serve, answering: Answering, **settings: Any) -> AsyncIterator[tuple[Running, Seen]]:
    """A server whose prompts for `postcard` are rewritten so, and what the chat model was asked."""
    async with AsyncExitStack() as stack:
        url, seen = await stack.enter_async_context(upstream(answering))
        chat = {"home": {"url": url, "models": ["small"]}}
        yield await serve(chat=chat, models=MODELS, **settings), seen


async def draw(running: Running, **fields: Any) -> Any:
    answer = await running.client.post(PICTURES, json={"model": "postcard", "prompt": OWN, "size": "64x64"} | fields)
    assert answer.status_code == 200, answer.text
    return answer


def drawn(running: Running) -> list[str]:
    """The prompts that were drawn."""
    return [order.recipe.prompt for order in running.engine.submitted]


async def test_what_is_drawn_is_what_the_chat_model_made_of_the_prompt(serve: Serve) -> None:
    async with rewriting(serve, completion(f"<think>hm</think>\n {REVISED}\n")) as (running, seen):
        answer = await draw(running, seed=5)
        assert answer.json()["data"][0]["revised_prompt"] == REVISED
        assert "x-safelight-rewrite" not in answer.headers
        assert drawn(running) == [REVISED]
        asked = json.loads(seen.bodies[0])
        assert asked["model"] == "small"
        assert asked["messages"][-1] == {"role": "user", "content": OWN}
        direct = await draw(running, prompt=REVISED, rewrite=False, seed=5)
        assert direct.json()["data"][0]["revised_prompt"] == ""
        assert direct.json()["data"][0]["b64_json"] == answer.json()["data"][0]["b64_json"]
        assert len(seen.bodies) == 1


async def test_models_without_it_and_edits_are_not_rewritten(serve: Serve) -> None:
    async with rewriting(serve, completion(REVISED)) as (running, seen):
        for model in ("plain", "stable-image-ultra"):
            answer = await draw(running, model=model, size="1024x1024")
            assert answer.json()["data"][0]["revised_prompt"] == ""
        assert (drawn(running), seen.bodies) == ([OWN, OWN], [])
        refused = await running.client.post(PICTURES, json={"model": "plain", "prompt": OWN, "rewrite": False})
        assert refused.json()["error"]["code"] == "unknown_parameter"
        models = (await running.client.get("/v1/models")).json()["data"]
        offers = {each["id"]: "rewrite" in each.get("capabilities", {}).get("parameters", {}) for each in models}
        assert offers == {
            "postcard": True,
            "stable-image-ultra": False,
            "plain": False,
            "small": False,
            "all-minilm-l6-v2": False,
        }


async def silent(writer: asyncio.StreamWriter, seen: Seen) -> None:
    await seen.go_on.wait()


@pytest.mark.parametrize(
    "answering",
    [
        completion(""),
        completion(None),
        completion("x" * 10_001),
        completion("a\0b"),
        completion(" <think>a boat</think> "),
        saying(200, b"nonsense"),
        saying(200, {"choices": []}),
        saying(500, {"error": {"message": "no"}}),
        saying(404, {"error": {"message": "no"}}),
        silent,
    ],
)
async def test_where_that_fails_the_callers_own_prompt_is_drawn_and_the_head_says_so(
    serve: Serve, answering: Answering
) -> None:
    async with rewriting(serve, answering, rewrite_seconds=0.5) as (running, _):
        answer = await draw(running)
        assert answer.json()["data"][0]["revised_prompt"] == ""
        assert answer.headers["x-safelight-rewrite"] == "failed"
        assert drawn(running) == [OWN]


async def test_what_the_operator_does_not_allow_is_not_drawn_because_a_chat_model_says_it(serve: Serve) -> None:
    async with rewriting(serve, completion(REVISED), blocked_prompts=["fishing"]) as (running, _):
        answer = await draw(running)
        assert (answer.headers["x-safelight-rewrite"], drawn(running)) == ("failed", [OWN])


async def test_a_job_keeps_both_prompts_and_draws_the_one_that_was_made_at_its_acceptance(serve: Serve) -> None:
    async with rewriting(serve, completion(REVISED)) as (running, seen):
        body = {"model": "postcard", "prompt": OWN, "size": "64x64"}
        accepted = await running.client.post(PICTURES, json=body, headers=ASYNC)
        job = await ended(running, accepted.json()["id"])
        assert (job["request"]["prompt"], job["revised_prompt"]) == (OWN, REVISED)
        assert drawn(running) == [REVISED]
        assert len(seen.bodies) == 1
        found = await running.client.get("/v1/jobs", params={"q": "boat"})
        assert [each["id"] for each in found.json()["data"]] == [job["id"]]


async def test_the_same_key_gets_the_same_answer_whatever_the_chat_model_says_then(serve: Serve) -> None:
    said = iter((REVISED, "Something else"))

    async def answering(writer: asyncio.StreamWriter, seen: Seen) -> None:
        await completion(next(said))(writer, seen)

    async with rewriting(serve, answering) as (running, _):
        body = {"model": "postcard", "prompt": OWN, "size": "64x64"}
        answers = [await running.client.post(PICTURES, json=body, headers={"idempotency-key": "a"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content
        assert drawn(running) == [REVISED]


async def test_a_stream_says_what_was_drawn(serve: Serve) -> None:
    async with rewriting(serve, completion(REVISED)) as (running, _):
        answer = await draw(running, stream=True)
        assert f'"revised_prompt":"{REVISED}"' in answer.text


async def test_what_would_become_of_a_prompt_is_told_without_drawing_it(serve: Serve) -> None:
    async with rewriting(serve, completion(REVISED)) as (running, _):
        answer = await running.client.post("/v1/images/rewrites", json={"model": "postcard", "prompt": OWN})
        assert answer.json() == {"object": "image.rewrite", "model": "postcard", "revised_prompt": REVISED}
        other = await running.client.post("/v1/images/rewrites", json={"model": "plain", "prompt": OWN})
        assert (other.status_code, other.json()["error"]["code"]) == (400, "unsupported_operation")
        assert drawn(running) == []


async def test_that_it_cannot_be_told_is_the_upstreams_failure(serve: Serve) -> None:
    async with rewriting(serve, saying(500, {})) as (running, _):
        answer = await running.client.post("/v1/images/rewrites", json={"model": "postcard", "prompt": OWN})
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


@pytest.mark.parametrize(
    ("model", "rewrite", "why"),
    [("postcard", "large", "no chat model"), ("stable-image-ultra", "small", "documented contract")],
)
async def test_a_setting_that_cannot_hold_is_said_at_the_start(model: str, rewrite: str, why: str) -> None:
    chat = {"home": {"url": "http://127.0.0.1:9/v1", "models": ["small"]}}
    settings = read_settings({"chat": chat, "models": {model: {"source": "postcard", "rewrite": rewrite}}})
    upstreams = upstreams_of(settings)
    with pytest.raises(ConfigurationError, match=why):
        open_rewriter(settings, upstreams)
    for each in upstreams.values():
        await each.close()
