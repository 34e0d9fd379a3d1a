"""The AI SDK's `generateImage` with its openai-compatible provider against a server process (`node/ai-sdk.mjs`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.node_client import Outcomes, run
from tests.clients.pictures import PROMPT, drawn, file_of, opened
from tests.clients.process import MODEL, Served


@pytest.fixture(scope="module")
def ran(server: Served, node_modules: Path) -> Outcomes:
    return run("ai-sdk.mjs", server)


def test_what_it_always_sends_is_accepted(ran: Outcomes) -> None:
    assert ran.sent[0].path == "/v1/images/generations"
    assert ran.sent[0].fields == {"model": MODEL, "prompt": PROMPT, "n": 1}
    answer = ran.result("plain")
    assert answer["warnings"] == []
    assert [image["mediaType"] for image in answer["images"]] == ["image/png"]
    assert opened(answer["images"][0]["base64"]).size == (1024, 1024)


def test_provider_options_carry_the_other_parameters(ran: Outcomes) -> None:
    assert ran.sent[1].fields["seed"] == 12
    expected = drawn(seed=12, negative_prompt="crowded", size=(1344, 768))
    assert file_of(ran.result("options")["images"][0]["base64"]) == expected


def test_a_jpeg_is_known_as_one(ran: Outcomes) -> None:
    (image,) = ran.result("jpeg")["images"]
    assert image["mediaType"] == "image/jpeg"
    assert opened(image["base64"]).size == (768, 1344)


def test_two_pictures_are_two_calls_where_it_is_told_that_one_call_draws_one(ran: Outcomes) -> None:
    first, second = ran.result("two")["images"]
    assert first["base64"] != second["base64"]
    assert [sent.fields["n"] for sent in ran.sent[3:5]] == [1, 1]


@pytest.mark.parametrize(
    ("case", "status", "code", "param"),
    [
        ("badSize", 400, "invalid_value", "size"),
        ("unknown", 400, "unknown_parameter", "quality"),
        ("wrongKey", 401, "invalid_api_key", None),
    ],
)
def test_what_is_wrong_is_an_api_call_error_that_says_so_and_is_not_retried(
    ran: Outcomes, case: str, status: int, code: str, param: str | None
) -> None:
    error = ran.error(case)
    assert (error["kind"], error["status"], error["isRetryable"]) == ("APICallError", status, False)
    told = json.loads(error["responseBody"])["error"]
    assert (told["code"], told["param"]) == (code, param)
    assert error["message"] == told["message"]
