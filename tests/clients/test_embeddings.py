"""Embeddings through openai-python, LiteLLM and LangChain, and as Heroku's documentation has them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.clients.process import Served
from tests.clients.wire import Wire

MODEL = "all-minilm-l6-v2"
TEXTS = ["a boat", "the sea at night"]


@pytest.fixture
def expected(server: Served) -> list[list[float]]:
    """The vectors of the texts, as the plainest request gets them."""
    answer = httpx.post(
        f"{server.base_url}/embeddings",
        headers={"authorization": f"Bearer {server.key}"},
        json={"model": MODEL, "input": TEXTS},
        timeout=300,
    )
    return [each["embedding"] for each in answer.json()["data"]]


def test_openai_python_asks_for_base64_and_gives_numbers(
    server: Served, wire: Wire, expected: list[list[float]]
) -> None:
    with openai.OpenAI(base_url=wire.base_url, api_key=server.key) as client:
        answer = client.embeddings.create(model=MODEL, input=TEXTS)
        assert wire.last.fields["encoding_format"] == "base64"
        assert [each.embedding for each in answer.data] == expected
        assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
        plain = client.embeddings.create(model=MODEL, input=TEXTS[0], encoding_format="float", dimensions=32)
        assert math.hypot(*plain.data[0].embedding) == pytest.approx(1.0, abs=1e-5)
        assert len(plain.data[0].embedding) == 32
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model=MODEL, input=[1, 2, 3])
        assert caught.value.param == "input"


@pytest.fixture
def loop_of_the_thread() -> Iterator[None]:
    """LiteLLM asks for the thread's loop where none runs: without one it makes one, and leaves it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("loop_of_the_thread")
# LiteLLM's own types for chats warn while it builds them.
@pytest.mark.filterwarnings("ignore:Item .* on TypedDict:UserWarning")
def test_litellm(litellm: Any, server: Served, wire: Wire, expected: list[list[float]]) -> None:
    answer = litellm.embedding(model=f"openai/{MODEL}", input=TEXTS, api_base=wire.base_url, api_key=server.key)
    assert wire.last.path == "/v1/embeddings"
    assert [each["embedding"] for each in answer.data] == expected


def test_langchain_with_texts(server: Served, wire: Wire, expected: list[list[float]]) -> None:
    from langchain_openai import OpenAIEmbeddings  # takes a second and a half of a processor

    embeddings = OpenAIEmbeddings(
        model=MODEL, base_url=wire.base_url, api_key=lambda: server.key, check_embedding_ctx_length=False
    )
    assert embeddings.embed_documents(TEXTS) == expected
    assert embeddings.embed_query(TEXTS[0]) == expected[0]


def test_herokus_own_fields(server: Served, expected: list[list[float]]) -> None:
    fields = {"model": MODEL, "input": TEXTS, "input_type": "search_document", "embedding_type": "float"}
    answer = httpx.post(
        f"{server.base_url}/embeddings",
        headers={"authorization": f"Bearer {server.key}"},
        json=fields | {"encoding_format": "raw", "allow_ignored_params": False},
        timeout=300,
    )
    assert [each["embedding"] for each in answer.json()["data"]] == expected
