"""npm's `heroku-ai-provider` against a server process, configured by variables alone (`node/heroku.mjs`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.node_client import Outcomes, run
from tests.clients.pictures import PROMPT, drawn, file_of, opened
from tests.clients.process import MODEL, Served


@pytest.fixture(scope="module")
def ran(server: Served, node_modules: Path) -> Outcomes:
    return run("heroku.mjs", server)


def test_the_variables_that_heroku_sets_lead_it_here(ran: Outcomes) -> None:
    assert ran.sent[0].path == "/v1/images/generations"
    assert ran.sent[0].fields == {"model": MODEL, "prompt": PROMPT, "response_format": "b64_json"}
    answer = ran.result("plain")
    assert answer["warnings"] == []
    assert opened(answer["images"][0]["base64"]).size == (1024, 1024)


def test_provider_options_carry_the_other_parameters(ran: Outcomes) -> None:
    assert ran.sent[1].fields["aspect_ratio"] == "16:9"
    expected = drawn(seed=12, negative_prompt="crowded", size=(1344, 768))
    assert file_of(ran.result("options")["images"][0]["base64"]) == expected


@pytest.mark.parametrize(
    ("case", "status", "code", "param"),
    [
        ("badSize", 400, "invalid_value", "size"),
        ("two", 400, "unknown_parameter", "n"),
        ("wrongKey", 401, "invalid_api_key", None),
    ],
)
def test_what_is_wrong_is_an_error_with_our_sentence_in_it(
    ran: Outcomes, case: str, status: int, code: str, param: str | None
) -> None:
    error = ran.error(case)
    assert (error["kind"], error["status"], error["isRetryable"]) == ("APICallError", status, False)
    told = json.loads(error["responseBody"])["error"]
    assert (told["code"], told["param"]) == (code, param)
    assert told["message"] in error["message"]


def test_nothing_that_failed_was_sent_twice(ran: Outcomes) -> None:
    assert {sent.headers["x-request-attempt"] for sent in ran.sent} == {"1"}
