"""openai-node against a server process (`node/openai.mjs`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.node_client import Outcomes, run
from tests.clients.pictures import PROMPT, drawn, file_of
from tests.clients.process import MODEL, Served


@pytest.fixture(scope="module")
def ran(server: Served, node_modules: Path) -> Outcomes:
    return run("openai.mjs", server, BOUND_KEY=server.new_key("--model", "postcard"))


def test_a_picture_comes_back_with_the_bytes_that_were_drawn(ran: Outcomes) -> None:
    assert ran.sent[0].fields == {"model": MODEL, "prompt": PROMPT, "seed": 11}
    answer = ran.result("plain")
    assert set(answer) == {"created", "data"}
    assert file_of(answer["data"][0]["b64_json"]) == drawn(seed=11)


def test_parameters_that_it_does_not_know_are_sent_as_they_are(ran: Outcomes) -> None:
    assert ran.sent[1].fields == {
        "model": MODEL, "prompt": PROMPT, "n": 1, "size": "1344x768", "response_format": "b64_json",
        "output_format": "jpeg", "user": "somebody", "seed": 12, "negative_prompt": "crowded", "aspect_ratio": "16:9",
    }  # fmt: skip
    expected = drawn(seed=12, negative_prompt="crowded", size=(1344, 768), output_format="jpeg")
    assert file_of(ran.result("extra")["data"][0]["b64_json"]) == expected


def test_null_means_absent(ran: Outcomes) -> None:
    assert ran.sent[2].fields["quality"] is None
    assert file_of(ran.result("nulls")["data"][0]["b64_json"]) == drawn(seed=13)


def test_the_response_beside_the_picture_has_its_seed_and_id(ran: Outcomes) -> None:
    beside = ran.result("withResponse")
    assert beside["headers"]["x-safelight-seed"] == "14"
    assert beside["headers"]["x-safelight-model"] == "fake"
    assert beside["request_id"] == beside["headers"]["x-request-id"]
    assert file_of(beside["data"][0]["b64_json"]) == drawn(seed=14)


def test_a_stream_shows_the_picture_while_it_is_drawn(ran: Outcomes) -> None:
    events = ran.result("partials")
    kinds = [event["type"] for event in events]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert file_of(events[-1]["b64_json"]) == drawn(seed=15, model="postcard")


def test_a_link_in_place_of_the_picture_needs_no_key(ran: Outcomes) -> None:
    linked = ran.result("link")
    assert (set(linked["keys"]), linked["type"]) == ({"url", "revised_prompt"}, "image/png")
    assert file_of(linked["base64"]) == drawn(seed=16, model="postcard")


def test_models_are_listed_and_found_by_alias(ran: Outcomes) -> None:
    assert [model["id"] for model in ran.result("models")] == [MODEL, "postcard", "all-minilm-l6-v2"]
    assert ran.result("model")["id"] == MODEL


@pytest.mark.parametrize(
    ("case", "kind", "status", "code", "param"),
    [
        ("badSize", "BadRequestError", 400, "invalid_value", "size"),
        ("unknown", "BadRequestError", 400, "unknown_parameter", "quality"),
        ("stream", "BadRequestError", 400, "unknown_parameter", "stream"),
        ("noModel", "NotFoundError", 404, "model_not_found", "model"),
        ("wrongKey", "AuthenticationError", 401, "invalid_api_key", None),
        ("boundKey", "PermissionDeniedError", 403, "model_not_allowed", "model"),
    ],
)
def test_what_is_wrong_is_one_of_its_error_classes_with_code_and_param(
    ran: Outcomes, case: str, kind: str, status: int, code: str, param: str | None
) -> None:
    error = ran.error(case)
    assert (error["kind"], error["status"], error["code"], error["param"]) == (kind, status, code, param)
    assert error["requestID"].startswith("req_")
