"""Half of a surrogate pair in a body is found wherever it is, and what is otherwise wrong is left to others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.surrogates import half_pair_in, refuse_half_pair

HALF = "ab\ud83e"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": HALF}, "prompt"),
        ({"a": [1, {"b": HALF}]}, "a"),
        ({"a": {HALF: 1}}, "a"),
        ({"x": "\U0001f98a", "prompt": [HALF]}, "prompt"),
    ],
)
def test_it_is_named_with_its_place(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match="as character 3") as caught:
        refuse_half_pair(json.dumps(body).encode())
    assert caught.value.param == field


def test_in_a_name_it_is_said_without_the_name() -> None:
    with pytest.raises(InvalidRequest, match="A name in the body") as caught:
        refuse_half_pair(json.dumps({HALF: 1}).encode())
    assert caught.value.param is None


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"\\ud83e"', b'{"a": NaN}', b"[" * 100_000, b'{"a": "\xf0\x9f\xa6\x8a"}', b"\xff"]
)
def test_what_holds_none_in_a_field_is_not_judged(body: bytes) -> None:
    refuse_half_pair(body)


def test_a_whole_pair_is_none() -> None:
    assert half_pair_in("a fox \U0001f98a") is None
    assert half_pair_in("\udfff") == 1
