"""Every kind of parameter reads what it describes: the same values as its own JSON Schema, and its words say which."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.kinds import Choice, Flag, FreeSize, Kind, Number, Text, Whole, words_for
from safelight.contract.values.pictures import Picture, Pictures
from safelight.contract.values.weights import Weights

SIZE = FreeSize(values=("64x128",), minimum=64, maximum=128, multiple_of=16, own="96x96")
WEIGHTS = Weights(names=("ink", "wash"), of="LoRAs", most=1, minimum=-4, maximum=4)
VALUES: tuple[tuple[Kind, tuple[Any, ...], tuple[Any, ...]], ...] = (
    (Text(min_length=1, max_length=3, blank_allowed=False), ("a", "abc", " a "), ("", " ", "abcd", "a\0", 5, None, [])),
    (Text(), ("", " ", "a" * 1000), ("\0", 1, True)),
    (Choice(values=("png", "jpeg")), ("png", "jpeg"), ("gif", "", "PNG", 1, None)),
    (Number(minimum=0, maximum=2.5), (0, 1.5, 2.5), (-1, 2.6, "1", True, None)),
    (Whole(minimum=0, maximum=10), (0, 10, 5.0), (-1, 11, 1.5, "1", True)),
    (Flag(), (True, False), (0, "true", None)),
    (SIZE, ("auto", "96x96", "64x128", "64x64", "128x80"), ("32x64", "64x72", "144x64", "64", 64, "064x64")),
    (
        WEIGHTS,
        ({"ink": 0.5}, {"wash": -4}, {}),
        ({"oil": 1}, {"ink": 5}, {"ink": True}, {"ink": 1, "wash": 1}, [], "ink"),
    ),
)


@pytest.mark.parametrize(("kind", "right", "wrong"), VALUES, ids=lambda value: type(value).__name__)
def test_what_is_read_is_what_the_schema_allows(kind: Kind, right: tuple[Any, ...], wrong: tuple[Any, ...]) -> None:
    schema = jsonschema_rs.Draft202012Validator(kind.json_schema())
    for value in right:
        assert kind.read("x", value) == value
        assert schema.is_valid(value)
    for value in wrong:
        with pytest.raises(InvalidRequest) as caught:
            kind.read("x", value)
        assert caught.value.param == "x"
        assert not schema.is_valid(value)


PICTURES: tuple[Kind, ...] = (Picture(), Pictures(minimum=1, maximum=4))


@pytest.mark.parametrize("kind", [*(kind for kind, _, _ in VALUES), *PICTURES], ids=lambda kind: type(kind).__name__)
def test_a_models_list_describes_a_kind_so_that_its_words_come_out_again(kind: Kind) -> None:
    assert words_for(kind.described()) == kind.words()


def test_words_for_what_this_version_does_not_know_are_its_type() -> None:
    assert words_for({"type": "tune", "keys": 5}) == "tune"
    assert words_for({}) == "unknown"


def test_words_say_what_is_taken() -> None:
    assert Text().words() == "text"
    assert Text(min_length=1, max_length=9).words() == "text of 1 to 9 characters"
    assert Whole(minimum=1, maximum=9).words() == "integer from 1 to 9"
    assert SIZE.words() == "64x128; WIDTHxHEIGHT, sides from 64 to 128, multiples of 16; auto"
    assert WEIGHTS.words() == "weights from -4 to 4 of ink wash"
    assert Weights(names=(), of="LoRAs", most=1, minimum=-4, maximum=4).words() == "weights from -4 to 4 of none here"
    assert Picture().words() == "a PNG, JPEG or WebP file"
    assert Pictures(minimum=1, maximum=4).words() == "1 to 4 PNG, JPEG or WebP files"
