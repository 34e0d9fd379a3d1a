"""Chat completions through a server of ours, to small upstreams of ours over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from safelight.adapters.upstreams import HttpUpstream
from safelight.contract.errors import UpstreamTimeout
from tests.api.conftest import Running, Serve

CHAT = "/v1/chat/completions"
ASKED = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "temperature": 0.5, "x": [1, 2.50]}
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "small",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "good day"}}],
}


@dataclass
class Seen:
    """What an upstream was asked: heads and bodies. `left` is set when a caller closed its connection."""

    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


Answering = Callable[[asyncio.StreamWriter, Seen], Any]


@asynccontextmanager
async def upstream(answering: Answering) -> AsyncIterator[tuple[str, Seen]]:
    """A server that answers every request by `answering`, and closes; its address and what it saw."""
    seen = Seen()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            seen.heads.append(head)
            (length,) = [
                int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-len")
            ]
            seen.bodies.append(await reader.readexactly(length))
            answer = asyncio.create_task(answering(writer, seen))
            leaving = asyncio.create_task(reader.read(1))
            await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                seen.left.set()
            for task in (answer, leaving):
                task.cancel()
            await asyncio.gather(answer, leaving, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", seen


def saying(status: int, body: object, kind: str = "application/json", more: str = "") -> Answering:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(writer: asyncio.StreamWriter, seen: Seen) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n{more}\r\n"
        writer.write(head.encode() + data)
        await writer.drain()

    return answer


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def streaming(*pieces: bytes, ends: bool = True) -> Answering:
    """Events; the second and later ones come once the test says so. Without `ends` the connection breaks after them."""

    async def answer(writer: asyncio.StreamWriter, seen: Seen) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head)
        for number, piece in enumerate(pieces):
            if number:
                await seen.go_on.wait()
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        if ends:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    return answer


async def never(writer: asyncio.StreamWriter, seen: Seen) -> None:
    """Says nothing."""
    seen.go_on.set()
    await asyncio.Event().wait()


class Chatting:
    """Servers with one upstream, called `home`, that serves `small`."""

    def __init__(self, serve: Serve, stack: AsyncExitStack) -> None:
        self._serve = serve
        self._stack = stack

    async def __call__(self, answering: Answering, rate_limit_per_minute: int = 0) -> tuple[Running, Seen]:
        url, seen = await self._stack.enter_async_context(upstream(answering))
        home = {"url": url, "key": "up-secret", "models": ["small"]}
        return await self._serve(chat={"home": home}, rate_limit_per_minute=rate_limit_per_minute), seen


@pytest.fixture
async def chatting(serve: Serve) -> AsyncIterator[Chatting]:
    async with AsyncExitStack() as stack:
        yield Chatting(serve, stack)


async def test_a_chat_goes_to_the_upstream_as_it_is_and_so_comes_the_answer(chatting: Chatting) -> None:
    running, seen = await chatting(saying(200, ANSWER, more="x-internal: 7\r\nset-cookie: a=b\r\n"))
    body = json.dumps(ASKED, indent=3).encode()
    answer = await running.client.post(CHAT, content=body, headers={"x-private": "mine", "cookie": "c=d"})
    assert answer.status_code == 200
    assert answer.content == json.dumps(ANSWER).encode()
    assert seen.bodies == [body]
    (head,) = seen.heads
    assert head.startswith("POST /v1/chat/completions ")
    assert "authorization: bearer up-secret" in head.lower()
    assert not {"x-private", "cookie", running.key.lower()} & set(head.lower().replace(":", " ").split())
    assert "x-internal" not in answer.headers
    assert "set-cookie" not in answer.headers
    (entry,) = running.ledger.entries
    assert (entry.model, entry.drawn_by, entry.outcome, entry.image_bytes) == (
        "small",
        "home",
        "finished",
        len(answer.content),
    )


async def test_openai_python_chats_and_streams(chatting: Chatting) -> None:
    import openai  # 0.8 s of a processor, in the one of a run's processes that asks by it

    chunks = [
        {**ANSWER, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word}}]}
        for word in ("good ", "day")
    ]
    running, seen = await chatting(streaming(event(chunks[0]), event(chunks[1]), b"data: [DONE]\n\n"))
    async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=running.key) as client:
        words = []
        async for chunk in await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": "hello"}], stream=True
        ):
            words.append(chunk.choices[0].delta.content)
            seen.go_on.set()  # the first word was told before the second one existed
        assert words == ["good ", "day"]


async def test_a_client_that_leaves_a_stream_leaves_the_upstream(chatting: Chatting) -> None:
    running, seen = await chatting(streaming(event(ANSWER), event(ANSWER)))
    async with running.client.stream("POST", CHAT, json=ASKED | {"stream": True}) as answer:
        await anext(answer.aiter_raw())
    await seen.left.wait()


async def test_a_client_that_leaves_before_the_answer_leaves_the_upstream(chatting: Chatting) -> None:
    running, seen = await chatting(never)
    asking = asyncio.create_task(running.client.post(CHAT, json=ASKED))
    await seen.go_on.wait()
    asking.cancel()
    await seen.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_stream_that_breaks_ends_with_an_event_that_says_so(chatting: Chatting) -> None:
    running, _ = await chatting(streaming(event(ANSWER), ends=False))
    answer = await running.client.post(CHAT, json=ASKED | {"stream": True})
    first, last = answer.text.split("\n\nevent: error\ndata: ")
    assert json.loads(first.removeprefix("data: ")) == ANSWER
    assert json.loads(last)["error"]["code"] == "upstream_error"
    assert running.ledger.entries[0].outcome == "failed"


async def test_an_answer_that_breaks_is_an_error_and_not_half_an_answer(chatting: Chatting) -> None:
    async def half(writer: asyncio.StreamWriter, seen: Seen) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"id":')
        await writer.drain()

    running, _ = await chatting(half)
    answer = await running.client.post(CHAT, json=ASKED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")


_REFUSED = {"error": {"message": "no such thing", "type": "odd", "param": "temperature", "code": "bad_value"}}


@pytest.mark.parametrize(
    ("status", "body", "expected", "message"),
    [
        (400, _REFUSED, (400, "bad_value"), "no such thing"),
        (429, {"error": {"message": "slow down", "code": None}}, (429, "upstream_error"), "slow down"),
        (404, {"error": "model not found"}, (404, "upstream_error"), "refused the request with status 404"),
        (
            400,
            {"error": {"message": "secret" * 200_000}},
            (400, "upstream_error"),
            "refused the request with status 400",
        ),
        (422, b"<html>secret", (422, "upstream_error"), "refused the request with status 422"),
        (401, {"error": {"message": "bad key up-secret"}}, (502, "upstream_error"), "refuses the key"),
        (403, _REFUSED, (502, "upstream_error"), "refuses the key"),
        (500, _REFUSED, (502, "upstream_error"), "answered with status 500"),
        (307, b"", (502, "upstream_error"), "answered with status 307"),
    ],
)
async def test_errors_of_the_upstream_have_our_shape(
    chatting: Chatting, status: int, body: object, expected: tuple[int, str], message: str
) -> None:
    running, _ = await chatting(saying(status, body, more="location: http://127.0.0.1:9/\r\n"))
    answer = await running.client.post(CHAT, json=ASKED)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == expected
    assert message in error["message"]
    assert "secret" not in answer.text
    assert set(error) == {"message", "type", "param", "code"}


async def test_an_upstream_that_is_not_there_is_said(serve: Serve) -> None:
    async with upstream(never) as (url, _):
        pass  # the port is closed again
    running = await serve(chat={"home": {"url": url, "models": ["small"]}})
    answer = await running.client.post(CHAT, json=ASKED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    assert "cannot be reached" in answer.json()["error"]["message"]


async def test_a_silent_upstream_is_given_up() -> None:
    async with upstream(never) as (url, seen):
        silent = HttpUpstream("home", url, None, silent_seconds=0.2)
        with pytest.raises(UpstreamTimeout, match=r"said nothing for 0\.2 s"):
            await silent.complete(b"{}")
        await seen.left.wait()
        await silent.close()


async def test_models_are_listed_and_others_refused(chatting: Chatting) -> None:
    running, seen = await chatting(saying(200, ANSWER))
    listed = {model["id"]: model for model in (await running.client.get("/v1/models")).json()["data"]}
    assert (listed["small"]["type"], listed["small"]["owned_by"]) == (["chat"], "home")
    assert listed["postcard"]["type"] == ["text-to-image"]
    assert (await running.client.get("/v1/models/small")).json() == listed["small"]
    for model, code in (("postcard", "unsupported_operation"), ("other", "model_not_found")):
        answer = await running.client.post(CHAT, json=ASKED | {"model": model})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert seen.bodies == []


@pytest.mark.parametrize(("model", "code"), [(None, "missing_required_parameter"), (5, "invalid_value")])
async def test_a_chat_names_its_model(chatting: Chatting, model: object, code: str) -> None:
    running, seen = await chatting(saying(200, ANSWER))
    answer = await running.client.post(CHAT, json=ASKED | {"model": model})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, "model")
    assert seen.bodies == []


async def test_with_no_upstream_the_answer_says_how_to_get_one(running: Running) -> None:
    answer = await running.client.post(CHAT, json=ASKED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_found")
    assert "[chat.NAME]" in answer.json()["error"]["message"]


async def test_keys_and_rates_hold_for_chats(chatting: Chatting) -> None:
    running, seen = await chatting(saying(200, ANSWER), rate_limit_per_minute=1)
    limited = await running.services.keys.create("pictures only", models=("postcard",))
    theirs = {"authorization": f"Bearer {limited.text}"}
    refused = await running.client.post(CHAT, json=ASKED, headers=theirs)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    async with httpx.AsyncClient() as nobody:
        unknown = await nobody.post(f"http://127.0.0.1:{running.port}{CHAT}", json=ASKED)
    assert unknown.status_code == 401
    first, second = [await running.client.post(CHAT, json=ASKED) for _ in range(2)]
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert second.status_code == 429
    assert len(seen.bodies) == 1
