"""Pictures from pictures, as real clients send them: openai-python, LiteLLM, curl, openai-node, the AI SDK."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.clients.node_client import Outcomes, run
from tests.clients.pictures import opened
from tests.clients.process import Served
from tests.sent_pictures import halves, one_colour

MODEL = "postcard"
PROMPT = "the same at night"
PICTURE, MASK = halves(), one_colour(colour=255, mode="L")


@pytest.fixture
def client(server: Served) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def expected(server: Served) -> str:
    """What an edit of the picture with seed 7 is, by openai-python."""
    with OpenAI(base_url=server.base_url, api_key=server.key) as client:
        answer = client.images.edit(model=MODEL, prompt=PROMPT, image=PICTURE, extra_body={"seed": 7})
    assert answer.data is not None
    assert opened(answer.data[0].b64_json).size == (96, 64)
    return str(answer.data[0].b64_json)


def test_openai_python_sends_several_pictures_and_a_mask(client: OpenAI, expected: str) -> None:
    answer: Any = client.images.edit(
        model=MODEL, prompt=PROMPT, image=[PICTURE, ("b.png", PICTURE)], mask=MASK, n=2, extra_body={"seed": 7}
    )
    assert [opened(each.b64_json).size for each in answer.data] == [(96, 64)] * 2
    assert answer.data[0].b64_json != expected
    assert (answer.size, answer.output_format, answer.background) == ("96x64", "png", "opaque")
    assert answer.usage.total_tokens == 0


def test_openai_python_streams_an_edit(client: OpenAI, expected: str) -> None:
    events = [*client.images.edit(
        model=MODEL, prompt=PROMPT, image=PICTURE, stream=True, partial_images=1, extra_body={"seed": 7}
    )]  # fmt: skip
    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert events[-1].b64_json == expected


def test_openai_python_is_told_which_picture_cannot_be_read(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(model=MODEL, prompt=PROMPT, image=[PICTURE, b"nonsense"])
    assert (caught.value.code, caught.value.param) == ("invalid_image", "image[1]")


# LiteLLM's own types for chats warn while it builds them.
@pytest.mark.filterwarnings("ignore:Item .* on TypedDict:UserWarning")
def test_litellm_edits(litellm: Any, server: Served, expected: str) -> None:
    answer: Any = litellm.image_edit(
        model=f"openai/{MODEL}", prompt=PROMPT, image=[PICTURE], api_base=server.base_url, api_key=server.key, seed=7
    )
    assert answer.data[0].b64_json == expected


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_curl_sends_a_form(server: Served, tmp_path: Path, expected: str) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    form = ("-F", f"model={MODEL}", "-F", f"prompt={PROMPT}", "-F", "seed=7", "-F", "image=@a.png")
    command = ["curl", "-sS", f"{server.base_url}/images/edits", "-H", f"Authorization: Bearer {server.key}", *form]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=300)
    assert json.loads(ran.stdout)["data"][0]["b64_json"] == expected


@pytest.fixture(scope="module")
def ran(server: Served, node_modules: Path) -> Outcomes:
    return run("edits.mjs", server, PICTURE=base64.b64encode(PICTURE).decode())


def test_openai_node_sends_one_picture_or_several(ran: Outcomes, expected: str) -> None:
    assert ran.result("one")["data"][0]["b64_json"] == expected
    assert opened(ran.result("two")["data"][0]["b64_json"]).size == (96, 64)
    assert ran.error("none")["code"] == "invalid_image"


def test_the_ai_sdk_posts_files_to_edits(ran: Outcomes, expected: str) -> None:
    (image,) = ran.result("aiSdk")["images"]
    assert (image["base64"], image["mediaType"]) == (expected, "image/png")
