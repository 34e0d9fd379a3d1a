"""Embeddings from a server of ours, with the shipped fake behind it."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from typing import Any

import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.bootstrap.engines.catalogue import encoder_entries
from safelight.contract.errors import ConfigurationError
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.settings import read_settings
from tests.api.conftest import Running, Serve, until

PATH = "/v1/embeddings"
CHAT = {"home": {"url": "http://127.0.0.1:9/v1", "models": ["small"]}}


async def ask(running: Running, **fields: Any) -> Any:
    return await running.client.post(PATH, json={"model": BUNDLED_ENCODER, "input": "a boat"} | fields)


async def test_texts_become_vectors_in_openais_list(running: Running) -> None:
    answer = await ask(running, input=["a boat", "the sea at night", "a boat"])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["object"], body["model"]) == ("list", BUNDLED_ENCODER)
    assert body["usage"] == {"prompt_tokens": 14, "total_tokens": 14}
    assert [(each["object"], each["index"]) for each in body["data"]] == [("embedding", n) for n in range(3)]
    vectors = [each["embedding"] for each in body["data"]]
    assert [len(vector) for vector in vectors] == [384] * 3
    assert vectors[0] == vectors[2] != vectors[1]
    assert math.hypot(*vectors[0]) == pytest.approx(1.0, abs=1e-6)
    assert (await ask(running)).json()["data"][0]["embedding"] == vectors[0]
    assert "x-safelight-truncated" not in answer.headers


async def test_base64_holds_the_same_numbers_in_float32(running: Running) -> None:
    numbers = (await ask(running)).json()["data"][0]["embedding"]
    raw = (await ask(running, encoding_format="raw")).json()["data"][0]["embedding"]
    packed = (await ask(running, encoding_format="base64")).json()["data"][0]["embedding"]
    assert raw == numbers
    assert list(struct.unpack("<384f", base64.b64decode(packed))) == numbers


async def test_fewer_dimensions_have_length_1_again(running: Running) -> None:
    whole = (await ask(running)).json()["data"][0]["embedding"]
    fewer = (await ask(running, dimensions=16)).json()["data"][0]["embedding"]
    length = math.hypot(*whole[:16])
    assert fewer == pytest.approx([number / length for number in whole[:16]], abs=1e-6)


async def test_what_is_cut_is_said_and_not_counted(running: Running) -> None:
    answer = await ask(running, input=["a boat", "sea " * 300])
    assert answer.headers["x-safelight-truncated"] == "1"
    assert answer.json()["usage"]["total_tokens"] == 4 + 256


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "me", "input_type": "search_query", "embedding_type": "float", "encoding_format": "float"},
        {"user": None, "dimensions": None, "input_type": None, "encoding_format": None},
        {"allow_ignored_params": True, "truncate": "END"},
        {"input": "x" * 8192},
        {"dimensions": 384},
    ],
)
async def test_what_openai_and_heroku_document_is_taken(running: Running, fields: dict[str, Any]) -> None:
    answer = await ask(running, **fields)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("fields", "code", "param", "said"),
    [
        ({"model": None}, "missing_required_parameter", "model", "required"),
        ({"model": 7}, "invalid_value", "model", "string"),
        ({"model": "other"}, "model_not_found", "model", BUNDLED_ENCODER),
        ({"model": "postcard"}, "unsupported_operation", "model", "draws pictures"),
        ({"model": "small"}, "unsupported_operation", "model", "chats"),
        ({"truncate": "END"}, "unknown_parameter", "truncate", "not supported"),
        ({"truncate": "END", "input": ""}, "unknown_parameter", "truncate", "not supported"),
        ({"input": None}, "missing_required_parameter", "input", "required"),
        ({"input": ""}, "invalid_value", "input", "empty"),
        ({"input": ["a", ""]}, "invalid_value", "input", "input[1]"),
        ({"input": []}, "invalid_value", "input", "1 to 2048"),
        ({"input": ["a"] * 2049}, "invalid_value", "input", "2049"),
        ({"input": ["a", "x" * 8193]}, "invalid_value", "input", "8193 characters"),
        ({"input": [1, 2]}, "invalid_value", "input", "not tokens"),
        ({"input": [[1, 2]]}, "invalid_value", "input", "not tokens"),
        ({"input": ["a", 2]}, "invalid_value", "input", "input[1]"),
        ({"input": {"a": 1}}, "invalid_value", "input", "array of 1 to 2048"),
        ({"encoding_format": "int8"}, "invalid_value", "encoding_format", "base64"),
        ({"embedding_type": "int8"}, "invalid_value", "embedding_type", "float"),
        ({"input_type": "query"}, "invalid_value", "input_type", "search_query"),
        ({"dimensions": 0}, "invalid_value", "dimensions", "from 1"),
        ({"dimensions": True}, "invalid_value", "dimensions", "from 1"),
        ({"dimensions": 385}, "invalid_value", "dimensions", "at most 384"),
        ({"user": 1}, "invalid_value", "user", "string"),
    ],
)
async def test_what_is_wrong_is_said(serve: Serve, fields: dict[str, Any], code: str, param: str, said: str) -> None:
    running = await serve(chat=CHAT)
    answer = await ask(running, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert said in error["message"]
    assert running.ledger.entries == []


async def test_who_embeds_does_not_draw_or_chat(running: Running) -> None:
    for path in ("/v1/images/generations", "/v1/images/edits", "/v1/chat/completions"):
        body = {"model": BUNDLED_ENCODER, "prompt": "a boat", "messages": []}
        answer = await running.client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_operation"), path
        assert "/v1/embeddings" in answer.json()["error"]["message"]


async def test_the_encoder_is_listed_with_its_type(running: Running) -> None:
    listed = {model["id"]: model for model in (await running.client.get("/v1/models")).json()["data"]}
    assert listed[BUNDLED_ENCODER]["type"] == ["embeddings"]
    assert listed[BUNDLED_ENCODER]["status"] == "ready"
    assert (await running.client.get(f"/v1/models/{BUNDLED_ENCODER}")).json() == listed[BUNDLED_ENCODER]


async def test_embeddings_can_be_off_and_others_are_named_by_id(serve: Serve) -> None:
    off = await serve(embeddings="off")
    assert (await ask(off)).json()["error"]["code"] == "model_not_found"
    assert BUNDLED_ENCODER not in (await off.client.get("/v1/models")).text
    more = await serve(
        embeddings={"other": {"source": "somewhere"}}, engine=FakeEngine(("postcard",), encoders=("somewhere",))
    )
    assert (await ask(more, model="other")).json()["model"] == "other"


@pytest.mark.parametrize(
    ("name", "source"), [("postcard", "somewhere"), ("small", "somewhere"), ("other", "postcard"), ("a b", "somewhere")]
)
def test_an_encoder_with_the_name_or_source_of_another_model_is_refused(name: str, source: str) -> None:
    with pytest.raises(ConfigurationError, match="embeddings"):
        encoder_entries(read_settings({"embeddings": {name: {"source": source}}, "chat": CHAT}))


async def test_the_ledger_has_what_was_embedded_and_nothing_of_the_text(running: Running) -> None:
    await ask(running, input=["secret boat", "sea"])
    (entry,) = running.ledger.entries
    assert (entry.model, entry.outcome, entry.output_format) == (BUNDLED_ENCODER, "finished", "embedding")
    assert entry.image_bytes == 2 * 384 * 4
    assert "secret" not in repr(entry)


async def test_keys_and_rates_hold_for_embeddings(serve: Serve) -> None:
    running = await serve(rate_limit_per_minute=1)
    limited = await running.services.keys.create("pictures only", models=("postcard",))
    theirs = {"authorization": f"Bearer {limited.text}"}
    refused = await running.client.post(PATH, json={"model": BUNDLED_ENCODER, "input": "a"}, headers=theirs)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    first, second = [await ask(running) for _ in range(2)]
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert second.status_code == 429


async def test_too_much_work_is_refused_and_room_comes_back(serve: Serve) -> None:
    running = await serve(queue_seconds=0.01)
    running.engine.gate.clear()
    first = asyncio.create_task(ask(running, input=["x" * 8000] * 20))
    await until(lambda: running.engine.state().running)
    refused = await ask(running, input=["y" * 8000] * 20)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_overloaded")
    assert int(refused.headers["retry-after"]) >= 1
    running.engine.gate.set()
    assert (await first).status_code == 200
    assert (await ask(running)).status_code == 200


async def test_a_client_that_leaves_ends_the_work(running: Running) -> None:
    running.engine.gate.clear()
    asking = asyncio.create_task(ask(running))
    await until(lambda: running.engine.state().running)
    asking.cancel()
    await until(lambda: not running.engine.state().running)
    await until(lambda: running.ledger.entries)
    assert running.ledger.entries[0].outcome == "cancelled"
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_body_of_20_mib_is_read_and_a_larger_one_refused(running: Running) -> None:
    texts = ["é" * 8000] * 1200  # 19.2 MB
    fits = await running.client.post(
        PATH, content=json.dumps({"model": BUNDLED_ENCODER, "input": texts}, ensure_ascii=False).encode()
    )
    assert fits.status_code == 200
    # Announced and not sent: whoever sends it all may find the connection closed before the answer is read.
    head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    large = await running.raw(f"{head}content-length: {20 * 1024 * 1024 + 1}\r\n\r\n".encode())
    assert large.startswith(b"HTTP/1.1 413 ")
    assert b'"request_too_large"' in large
    allowed = await running.client.post(PATH, content=b"x" * (20 * 1024 * 1024))
    assert allowed.json()["error"]["code"] == "invalid_json"


@pytest.mark.one_process("it has one server end")
async def test_a_server_that_ends_waits_for_what_is_under_way_and_takes_nothing_new(running: Running) -> None:
    running.engine.gate.clear()
    asking = asyncio.create_task(ask(running))
    await until(lambda: running.engine.state().running)
    ended = asyncio.create_task(running.services.embeddings.ended())
    await running.services.generate.drain()  # no picture is under way
    refused = await ask(running)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert not ended.done()
    running.engine.gate.set()
    assert (await asking).status_code == 200
    await ended
