"""What a model says of itself and of a picture, as callers of a whole server see it: refusals, cuts, notes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import torch
from benchmarks.checkpoints import tiny
from safetensors.torch import load_file, save_file

from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until, wait_until_ready
from tests.engine.test_review import with_checker

PICTURE = {"prompt": "a red fox", "size": "64x64", "seed": 7, "steps": 2}
# The second says more than the first behind the last token that CLIP reads.
LONG_A = " ".join(["a red fox"] * 20)
LONG_B = f"{LONG_A} in the snow"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a model whose checker refuses everything, one with tensors of no use in its file, and Postcard."""
    folder = tmp_path_factory.mktemp("models")
    flagged, plain = with_checker(folder / "flagged", flags=True), tiny.save("stable-diffusion", folder / "plain")
    true = load_file(plain / "unet" / "diffusion_pytorch_model.safetensors")
    save_file(true | {"extra": torch.ones(1)}, folder / "more.safetensors")
    models: dict[str, Any] = {
        "flagged": {"source": flagged},
        "plain": {"source": str(plain), "options": {"transformer": str(folder / "more.safetensors")}},
    }
    for model in models.values():
        model["dtype"] = "float32"
    models["postcard"] = {"source": "postcard"}
    with serving(folder, engine="local", workers="1", models=json.dumps(models)) as running:
        wait_until_ready(running)
        yield running


def asked(served: Served, model: str, prefer: str = "", **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {served.key}"} | ({"prefer": prefer} if prefer else {})
    body = PICTURE | {"model": model} | fields
    return httpx.post(f"{served.url}/v1/images/generations", json=body, headers=headers, timeout=300)


def got(served: Served, path: str) -> Any:
    return httpx.get(f"{served.url}{path}", headers={"authorization": f"Bearer {served.key}"}, timeout=300).json()


def test_what_the_checker_refuses_is_a_400_for_a_request_and_a_stream_and_the_code_of_a_job(served: Served) -> None:
    answer = asked(served, "flagged")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")
    stream = asked(served, "flagged", stream=True, partial_images=2)
    assert "content_policy_violation" in stream.text
    assert "b64_json" not in stream.text
    job = asked(served, "flagged", "respond-async").json()["id"]
    wait_until(lambda: got(served, f"/v1/jobs/{job}")["state"] == "failed")
    assert got(served, f"/v1/jobs/{job}")["error"]["code"] == "content_policy_violation"
    assert {model["id"]: model["status"] for model in got(served, "/v1/models")["data"]}["flagged"] == "ready"


def test_a_prompt_that_clip_cuts_is_said_with_the_picture_that_it_has_in_common(served: Served) -> None:
    first, second = (asked(served, "plain", prompt=prompt) for prompt in (LONG_A, LONG_B))
    assert first.json()["data"] == second.json()["data"]
    said = [answer.headers["x-safelight-prompt-truncated"] for answer in (first, second)]
    assert all(each.startswith("prompt;read=77;tokens=") for each in said)
    assert said[0] != said[1]


def test_postcard_says_what_it_cuts(served: Served) -> None:
    words = "a lighthouse on a cliff by the sea at sunset, " * 60
    cut = asked(served, "postcard", prompt=words)
    assert cut.headers["x-safelight-prompt-truncated"].startswith("prompt;read=504;tokens=")
    assert "x-safelight-prompt-truncated" not in asked(served, "postcard").headers


def test_the_model_list_has_the_notes(served: Served) -> None:
    listed = got(served, "/v1/models")["data"]
    notes = {model["id"]: model["notes"] for model in listed if "text-to-image" in model["type"]}
    said = "1 tensors of more.safetensors have no place in this model and do nothing, first extra."
    assert notes == {"flagged": [], "plain": [said], "postcard": []}
