"""A body becomes a request exactly as the contract's sections 1 and 2 say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.offers import capabilities_of
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.json_object import read_object
from safelight.contract.values.sizes import SIZE_OF_ASPECT_RATIO, Size

CATALOGUE = Catalogue(
    [
        ModelEntry(
            id="stable-image-ultra",
            source="postcard",
            drawn_by="postcard",
            aliases=("stability-image-ultra",),
        )
    ]
)


def parse(**fields: Any) -> ImageRequest:
    return parse_image_request({"model": "stable-image-ultra", "prompt": "a boat"} | fields, CATALOGUE)


def refusal(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    return caught.value


def test_defaults_are_a_square_png_with_a_drawn_seed() -> None:
    request = parse()
    assert request.size == Size(1024, 1024)
    assert (request.output_format, request.seed, request.asked["negative_prompt"]) == ("png", 0, "")


def test_the_alias_of_the_quick_start_names_the_same_model() -> None:
    assert parse(model="stability-image-ultra").model.id == "stable-image-ultra"


@pytest.mark.parametrize(("ratio", "size"), SIZE_OF_ASPECT_RATIO.items())
def test_size_and_aspect_ratio_decide_alone_and_agree_together(ratio: str, size: str) -> None:
    assert str(parse(aspect_ratio=ratio).size) == size
    assert str(parse(size=size).size) == size
    assert str(parse(size=size, aspect_ratio=ratio).size) == size
    assert str(parse(size=size, aspect_ratio=None).size) == size


def test_disagreeing_size_and_aspect_ratio_name_the_size_that_fits() -> None:
    error = refusal(size="1024x1024", aspect_ratio="16:9")
    assert (error.param, error.code) == ("size", "invalid_value")
    assert "1344x768" in error.message


@pytest.mark.parametrize("seed", [5, 5.0, 1e3, 0, -0.0, 4294967295])
def test_a_seed_is_any_json_number_with_an_integer_value_in_range(seed: float) -> None:
    assert parse(seed=seed).seed == int(seed)
    assert type(parse(seed=seed).seed) is int


@pytest.mark.parametrize("seed", [5.5, "5", True, False, -1, 4294967296, 1e300, 10**400, [5], {"a": 1}])
def test_any_other_seed_is_refused(seed: Any) -> None:
    error = refusal(seed=seed)
    assert (error.param, error.code) == ("seed", "invalid_value")
    assert "4294967295" in error.message


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"response_format": "b64_json"},
        {"response_format": "base64"},
        {"stream": False},
        {"user": "somebody"},
        {"quality": None, "style": None, "n": None, "seed": None, "negative_prompt": None, "size": None},
    ],
)
def test_what_clients_always_send_and_happens_anyway_is_accepted(fields: dict[str, Any]) -> None:
    assert parse(**fields) == parse()


UNSUPPORTED: list[tuple[str, Any]] = [
    ("n", 2),
    ("n", True),
    ("response_format", "url"),
    ("stream", True),
    ("stream", 0),
    ("user", 7),
    ("quality", "hd"),
    ("style", "vivid"),
    ("background", "auto"),
    ("moderation", "low"),
    ("output_compression", 100),
    ("partial_images", 0),
    ("stepz", 1),
    ("Prompt", "x"),
]


@pytest.mark.parametrize(("name", "value"), UNSUPPORTED)
def test_an_unsupported_parameter_is_refused_by_name_without_the_flag(name: str, value: Any) -> None:
    error = refusal(**{name: value})
    assert (error.status, error.code, error.param) == (400, "unknown_parameter", name)


def test_the_refusal_of_a_harmless_name_says_which_values_are_harmless() -> None:
    assert 'only as "b64_json" or "base64".' in refusal(response_format="url").message
    assert "only as a string." in refusal(user=7).message


@pytest.mark.parametrize(("name", "value"), UNSUPPORTED)
def test_an_unsupported_parameter_is_ignored_with_the_flag(name: str, value: Any) -> None:
    assert parse(**{name: value, "allow_ignored_params": True}) == parse()


def test_the_flag_never_rescues_a_bad_value_of_a_supported_parameter() -> None:
    assert refusal(size="7x7", allow_ignored_params=True).param == "size"
    assert refusal(allow_ignored_params="true").param == "allow_ignored_params"
    assert refusal(allow_ignored_params=1, nonsense=1).param == "nonsense"


@pytest.mark.parametrize("prompt", ["", "  \n\t ", " ", "a\0b", "x" * 10_001, 5, ["a boat"], True])
def test_a_prompt_is_one_to_ten_thousand_characters_that_are_not_blank(prompt: Any) -> None:
    assert refusal(prompt=prompt).param == "prompt"


def test_prompts_count_code_points_and_stay_as_they_are() -> None:
    longest = "😀" * 10_000
    assert parse(prompt=longest).prompt == longest
    assert parse(prompt="  café\u0301 ").prompt == "  café\u0301 "


def test_what_is_required_is_missing_when_absent_or_null() -> None:
    for fields in ({"model": None}, {"prompt": None}):
        error = refusal(**fields)
        assert (error.code, error.param) == ("missing_required_parameter", next(iter(fields)))


def test_the_order_is_model_then_unsupported_then_required_then_values_then_conflicts() -> None:
    body: dict[str, Any] = {"model": "no", "odd": 1, "seed": -1, "size": "1024x1024", "aspect_ratio": "16:9"}
    expected = [("model", "stable-image-ultra"), ("odd", None), ("prompt", "a boat"), ("seed", 1), ("size", None)]
    for param, mended in expected:
        with pytest.raises(InvalidRequest) as caught:
            parse_image_request(body, CATALOGUE)
        assert caught.value.param == param
        body[param] = mended
    assert parse_image_request(body, CATALOGUE).size == Size(1344, 768)


@pytest.mark.parametrize("value", ["PNG", "jpg", "gif", "", 1, True])
def test_an_enumeration_takes_its_own_words_only(value: Any) -> None:
    error = refusal(output_format=value)
    assert error.param == "output_format"
    assert "jpeg, png" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b'"prompt"',
        b"5",
        b"true",
        b'{"prompt": "x"',
        b'{"prompt": NaN}',
        b'{"prompt": Infinity}',
        b'{"prompt": -Infinity}',
        b"{'prompt': 'x'}",
        b'{"prompt": "x"} {}',
        b"model=x&prompt=y",
        b'{"prompt": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"seed": 1e999}',
    ],
)
def test_what_is_not_one_json_object_is_invalid_json(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_object(body)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


def test_the_last_of_duplicate_keys_wins_and_a_byte_order_mark_is_skipped() -> None:
    assert read_object(b'\xef\xbb\xbf{"seed": 1, "seed": 2}') == {"seed": 2}


def test_half_of_a_surrogate_pair_is_named_with_its_field() -> None:
    with pytest.raises(InvalidRequest, match="character 2") as caught:
        read_object(b'{"prompt": "a\\ud800"}')
    assert (caught.value.code, caught.value.param) == ("invalid_value", "prompt")


def test_a_lone_surrogate_that_reached_python_is_refused_too() -> None:
    assert refusal(prompt="a\ud800b").param == "prompt"


def test_no_message_repeats_a_long_value() -> None:
    secret = "the whole secret prompt " * 10
    for error in (refusal(size=secret), refusal(model=secret * 5), refusal(output_format=secret)):
        assert secret not in error.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    [*capabilities_of(OperatorTerms(), None).names, "n", "stream", "user", "response_format"]
) | st.text(max_size=8)


@given(st.dictionaries(names, json_values, max_size=6))
def test_any_object_is_either_a_whole_request_or_refused_with_reason(fields: dict[str, Any]) -> None:
    try:
        request = parse_image_request(fields, CATALOGUE)
    except InvalidRequest as refused:
        reason = json.dumps(refused.body())
    else:
        reason = ""
        assert request.prompt.strip()
        assert str(request.size) in SIZE_OF_ASPECT_RATIO.values()
    assert reason != json.dumps(InvalidRequest("").body())
