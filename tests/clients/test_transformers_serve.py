"""Chat completions passed on to a real `transformers serve` with a tiny model of random weights."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from string import ascii_letters
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from tests.api.conftest import Serve

_START_SECONDS = 300
# The tiny model says some 300 tokens a second: nobody who waits for these is answered within a test.
_MANY_TOKENS = 1_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Llama of two layers that never ends a text by itself, and a tokenizer of bytes, saved as a checkpoint.

    It says letters alone. Of other bytes it may say one over and over that is no character by itself, or one that the
    tokenizer does not know: then its stream is silent, and whoever passes that on gives it up.
    """
    # Four seconds of a processor, in the one of a run's processes that makes it.
    from benchmarks.checkpoints import parts

    folder = tmp_path_factory.mktemp("models") / "small"
    llama = parts.llama()
    template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    tokenizer = parts.byte_tokenizer(template)
    letters = set(tokenizer.convert_tokens_to_ids(list(ascii_letters)))
    llama.generation_config.eos_token_id = None
    llama.generation_config.suppress_tokens = [n for n in range(llama.config.vocab_size) if n not in letters]
    llama.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def upstream(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `transformers serve` with that model, up to and with /v1."""
    folder = tmp_path_factory.mktemp("upstream")
    said = folder / "log"
    command = [sys.executable, "-P", "-m", "transformers.cli.transformers", "serve", model, "--device", "cpu"]
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", "0", "--log-level", "info"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
        )
    try:
        yield f"{_address(process, said)}/v1"
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    """Where it says that it runs, once it does."""
    with said.open(errors="replace") as log:
        while process.poll() is None:
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                line = log.readline()
                if "running on " in line:
                    return line.partition("running on ")[2].split()[0]
    raise AssertionError(said.read_text(errors="replace"))


@pytest.fixture
async def client(serve: Serve, upstream: str, model: str) -> AsyncIterator[Any]:
    """OpenAI's client of a server of ours that passes on to it."""
    running = await serve(chat={"home": {"url": upstream, "models": [model]}})
    url = f"http://127.0.0.1:{running.port}/v1"
    async with AsyncOpenAI(base_url=url, api_key=running.key, max_retries=0, timeout=_START_SECONDS) as client:
        yield client


async def test_a_whole_answer_comes_as_the_upstream_gives_it(client: Any, model: str, upstream: str) -> None:
    ask = {"model": model, "messages": [{"role": "user", "content": "a boat"}], "max_tokens": 8, "temperature": 0}
    answer = await client.chat.completions.create(**ask)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    async with httpx.AsyncClient(timeout=_START_SECONDS) as direct:
        theirs = (await direct.post(f"{upstream}/chat/completions", json=ask)).json()
    assert answer.choices[0].message.content == theirs["choices"][0]["message"]["content"]


async def test_a_stream_comes_in_the_pieces_that_the_upstream_gives(client: Any, model: str, upstream: str) -> None:
    async def pieces(asked: AsyncOpenAI) -> list[str]:
        messages: Any = [{"role": "user", "content": "a boat"}]
        stream = await asked.chat.completions.create(
            model=model, messages=messages, max_tokens=8, temperature=0, stream=True
        )
        return [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]

    async with AsyncOpenAI(base_url=upstream, api_key="none", max_retries=0, timeout=_START_SECONDS) as direct:
        theirs = await pieces(direct)
    assert len(theirs) > 1
    assert await pieces(client) == theirs


async def test_who_leaves_a_stream_ends_it_in_the_upstream(client: Any, model: str) -> None:
    """The upstream computes one answer at a time: the next is answered only once it has dropped what nobody reads."""
    messages = [{"role": "user", "content": "a boat"}]
    stream = await client.chat.completions.create(model=model, messages=messages, max_tokens=_MANY_TOKENS, stream=True)
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    waiting = asyncio.create_task(client.chat.completions.create(model=model, messages=messages, max_tokens=1))
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    assert not waiting.done()
    await stream.close()
    assert (await waiting).choices[0].finish_reason == "length"
