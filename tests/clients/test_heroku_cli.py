"""The calls of `heroku ai:models:call`, in their order and with what they carry.

As the plugin's sources have them (https://github.com/heroku/heroku-cli-plugin-ai, src/commands/ai/models/call.ts and
src/lib/base.ts): the list of models without a key, the model looked up in it by its id, then one POST.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest

from tests.clients.pictures import PROMPT, drawn
from tests.clients.process import MODEL, Served


@pytest.fixture
def http(server: Served) -> Iterator[httpx.Client]:
    headers = {"accept": "application/json", "user-agent": "heroku-cli-plugin-ai/1.1.0 linux"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=300) as http:
        yield http


def test_the_list_without_a_key_says_that_the_model_draws(http: httpx.Client) -> None:
    answer = http.get("/available-models")
    assert answer.status_code == 200
    found = [model for model in answer.json() if model["model_id"] == MODEL]
    assert found[0]["type"][0] == "text-to-image"


def test_options_and_prompt_become_a_picture(http: httpx.Client, server: Served) -> None:
    options = {"size": "1344x768", "seed": 21, "response_format": "b64_json", "n": 1, "user": "somebody"}
    answer = http.post(
        "/v1/images/generations",
        json=options | {"model": MODEL, "prompt": PROMPT},
        headers={"authorization": f"Bearer {server.key}"},
    )
    assert answer.status_code == 200
    item = answer.json()["data"][0]
    assert base64.b64decode(item["b64_json"]) == drawn(seed=21, size=(1344, 768))


def test_the_example_of_its_help_is_told_what_to_do_about_quality(http: httpx.Client, server: Served) -> None:
    body = {"quality": "hd", "model": MODEL, "prompt": "Generate an image of a sunset"}
    headers = {"authorization": f"Bearer {server.key}"}
    refused = http.post("/v1/images/generations", json=body, headers=headers)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "quality"
    assert "allow_ignored_params" in refused.json()["error"]["message"]


def test_the_models_info_is_where_it_looks_for_it(http: httpx.Client, server: Served) -> None:
    answer = http.get(f"/models/{MODEL}", headers={"authorization": f"Bearer {server.key}"})
    assert (answer.status_code, answer.json()["model_id"], answer.json()["ready"]) == (200, MODEL, "Yes")
