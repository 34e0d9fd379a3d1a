"""Open WebUI's images call, engine "openai" (https://github.com/open-webui/open-webui, routers/images.py)."""

from __future__ import annotations

import httpx

from tests.clients.pictures import PROMPT, drawn, file_of
from tests.clients.process import MODEL, Served


def open_webui(server: Served, size: str, **more: object) -> httpx.Response:
    """What it posts: the size of its settings, always `n` and `response_format`, and who asks in headers."""
    return httpx.post(
        f"{server.base_url}/images/generations?api-version=2025-04-01-preview",
        json={"model": MODEL, "prompt": PROMPT, "n": 1, "size": size, "response_format": "b64_json"} | more,
        headers={
            "authorization": f"Bearer {server.key}",
            "x-openwebui-user-name": "Somebody",
            "x-openwebui-user-id": "1",
            "x-openwebui-user-email": "somebody@example.org",
            "x-openwebui-user-role": "user",
        },
        timeout=300,
    )


def test_its_call_draws_a_picture_in_the_size_of_its_settings(server: Served) -> None:
    answer = open_webui(server, "1216x832", seed=3)
    assert answer.status_code == 200
    picture = file_of(answer.json()["data"][0]["b64_json"])
    assert picture == drawn(seed=3, size=(1216, 832))


def test_the_size_that_it_has_when_nobody_set_one_is_refused_with_the_sizes_that_are_drawn(server: Served) -> None:
    answer = open_webui(server, "512x512")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "size")
    assert "1024x1024" in answer.json()["error"]["message"]
