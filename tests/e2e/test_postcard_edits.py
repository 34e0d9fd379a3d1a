"""Postcard edits its own drawings over HTTP: in every format, as a stream, as a job, and nothing else."""

from __future__ import annotations

import base64
import re
from html import unescape
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI
from PIL import Image

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.scene_file import read
from tests.clients.process import Served
from tests.e2e.drawing import Order, draw, wait_until
from tests.sent_pictures import file_of, halves

LAKE = Order("1216x832", "png", 7, "a lake in the mountains with a sailboat at noon")


def scene_of(file: bytes) -> Scene:
    """What a file of Postcard's says of itself."""
    found = re.search(rb"<safelight:scene[^>]*>([^<]+)<", file)
    assert found is not None
    return read(unescape(found[1].decode()))


def edit(served: Served, file: bytes, prompt: str, **fields: Any) -> httpx.Response:
    """Send one edit by form; the answer, whatever it is. A value that is bytes is a file."""
    fields = {"model": "postcard", "prompt": prompt, "seed": "3", **fields}
    return httpx.post(
        f"{served.base_url}/images/edits",
        data={name: value for name, value in fields.items() if not isinstance(value, bytes)},
        files={"image": file} | {name: value for name, value in fields.items() if isinstance(value, bytes)},
        headers={"authorization": f"Bearer {served.key}"},
        timeout=300,
    )


def edited(served: Served, file: bytes, prompt: str, **fields: Any) -> bytes:
    answer = edit(served, file, prompt, **fields)
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["data"][0]["b64_json"], validate=True)


@pytest.fixture(scope="module")
def lake(postcard: Served) -> bytes:
    return draw(postcard, LAKE, model="postcard")


def test_a_new_prompt_changes_the_picture_and_the_answer_repeats(postcard: Served, lake: bytes) -> None:
    first, again = (edited(postcard, lake, "a lighthouse on a cliff at night") for _ in range(2))
    assert first == again != lake
    assert scene_of(first).world.light == "night"


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
def test_strength_0_gives_the_picture_back(postcard: Served, lake: bytes, format_: str) -> None:
    there = edited(postcard, lake, "a fox", strength="0", output_format=format_)
    assert scene_of(there) == scene_of(lake)
    back = edited(postcard, there, "a cat", strength="0", output_format="png", seed="9")
    assert back == lake


def test_a_picture_of_another_making_is_refused(postcard: Served) -> None:
    answer = edit(postcard, halves(), "a fox")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_image")
    assert "own drawings" in answer.json()["error"]["message"]
    with OpenAI(base_url=postcard.base_url, api_key=postcard.key) as client, pytest.raises(BadRequestError):
        client.images.edit(model="stable-image-ultra", image=halves(), prompt="a fox")


def white_left() -> bytes:
    picture = Image.new("L", (1216, 832))
    picture.paste(255, (0, 0, 400, 832))
    return file_of(picture)


def test_an_instruction_with_a_mask_streams_previews_and_keeps_the_rest(postcard: Served, lake: bytes) -> None:
    with OpenAI(base_url=postcard.base_url, api_key=postcard.key) as client:
        *partial, last = client.images.edit(
            model="postcard", image=lake, mask=white_left(), prompt="add a canoe", stream=True, partial_images=2,
            extra_body={"seed": 3},
        )  # fmt: skip
    assert {event.type for event in partial} <= {"image_edit.partial_image"}
    assert last.type == "image_edit.completed"
    before, now = scene_of(lake), scene_of(base64.b64decode(last.b64_json))
    assert (now.world, now.layers) == (before.world, before.layers)
    assert all(thing in now.things for thing in before.things)
    assert [thing.x < 0.4 for thing in now.things if thing not in before.things] == [True]


def test_an_edit_can_be_a_job_and_its_capabilities_are_said(postcard: Served, lake: bytes) -> None:
    headers = {"authorization": f"Bearer {postcard.key}"}
    offered = httpx.get(f"{postcard.base_url}/models", headers=headers, timeout=300).json()["data"]
    edits = {model["id"]: model["capabilities"]["edits"] for model in offered if model["id"] != "all-minilm-l6-v2"}
    assert edits["postcard"] == {"pictures": {"minimum": 1, "maximum": 1}, "mask": True, "strength": True}
    assert edits["stable-image-ultra"] is None
    fields = {"model": "postcard", "prompt": "make it winter", "seed": "3"}
    answer = httpx.post(
        f"{postcard.base_url}/images/edits", data=fields, files={"image": lake}, timeout=300,
        headers=headers | {"prefer": "respond-async"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    url = f"{postcard.base_url}/jobs/{answer.json()['id']}"
    wait_until(lambda: httpx.get(url, headers=headers, timeout=300).json()["state"] == "finished")
    image = httpx.get(f"{url}/image", headers=headers, timeout=300).content
    assert image == edited(postcard, lake, "make it winter")
    assert scene_of(image).world.season == "winter"
