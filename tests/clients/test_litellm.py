"""LiteLLM's `openai/<model>` against a server process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.pictures import PROMPT, drawn, file_of, opened
from tests.clients.process import MODEL, Served
from tests.clients.wire import Wire

Ask = Callable[..., Any]


@pytest.fixture
def ask(litellm: Any, server: Served, wire: Wire) -> Ask:
    """One picture through LiteLLM, as its documentation has it."""

    def asked(**fields: Any) -> Any:
        return litellm.image_generation(
            model=f"openai/{MODEL}", prompt=PROMPT, api_base=wire.base_url, api_key=server.key, **fields
        )

    return asked


@pytest.fixture(autouse=True)
def _quiet(litellm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the advice that LiteLLM prints beside every error."""
    monkeypatch.setattr(litellm, "suppress_debug_info", True)


def test_it_sends_nothing_by_default_that_the_model_does_not_support(ask: Ask, wire: Wire) -> None:
    answer = ask()
    assert wire.last.fields == {"model": MODEL, "prompt": PROMPT}
    assert (wire.last.method, wire.last.path) == ("POST", "/v1/images/generations")
    assert opened(answer.data[0].b64_json).size == (1024, 1024)


def test_parameters_it_does_not_know_are_passed_on(ask: Ask, wire: Wire) -> None:
    extra = {"size": "1344x768", "output_format": "jpeg", "seed": 5, "aspect_ratio": "16:9", "negative_prompt": "fog"}
    answer = ask(n=1, user="somebody", **extra)
    assert wire.last.fields == extra | {"model": MODEL, "prompt": PROMPT, "n": 1, "user": "somebody"}
    expected = drawn(seed=5, negative_prompt="fog", size=(1344, 768), output_format="jpeg")
    assert file_of(answer.data[0].b64_json) == expected


async def test_the_async_call_draws_the_same(litellm: Any, server: Served, wire: Wire) -> None:
    answer = await litellm.aimage_generation(
        model=f"openai/{MODEL}", prompt=PROMPT, api_base=wire.base_url, api_key=server.key, seed=5
    )
    assert wire.last.fields == {"model": MODEL, "prompt": PROMPT, "seed": 5}
    assert file_of(answer.data[0].b64_json) == drawn(seed=5)


def test_response_format_is_refused_by_litellm_itself_unless_it_may_drop_it(litellm: Any, ask: Ask, wire: Wire) -> None:
    with pytest.raises(litellm.UnsupportedParamsError):
        ask(response_format="b64_json")
    assert wire.sent == []
    answer = ask(response_format="b64_json", drop_params=True, seed=6)
    assert wire.last.fields == {"model": MODEL, "prompt": PROMPT, "seed": 6}
    assert file_of(answer.data[0].b64_json) == drawn(seed=6)


def test_what_the_model_does_not_support_is_a_bad_request_that_says_so(litellm: Any, ask: Ask, wire: Wire) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        ask(quality="hd")
    assert "does not support the parameter `quality`" in str(caught.value)
    answer = ask(quality="hd", allow_ignored_params=True)
    assert wire.last.fields["quality"] == "hd"
    assert opened(answer.data[0].b64_json).size == (1024, 1024)


def test_a_wrong_key_is_its_authentication_error(litellm: Any, wire: Wire) -> None:
    with pytest.raises(litellm.AuthenticationError):
        litellm.image_generation(model=f"openai/{MODEL}", prompt=PROMPT, api_base=wire.base_url, api_key="sl-wrong")
