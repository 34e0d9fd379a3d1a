"""The open contract: what a model can do decides what is offered, and what is offered is validated (CONTRACT 6)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.offers import capabilities_of
from safelight.contract.parameters.declared import declared
from safelight.contract.requests.parsing import depends_on_traits, parse_image_request
from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.kinds import Choice
from safelight.contract.values.sizes import SIZES, Size, pattern_of_sizes

SDXL = Traits(pipeline="SDXL", steps=50, guidance_scale=5.0, negative_prompt=True)
TURBO = Traits(pipeline="Turbo", steps=4, width=512, height=512, side_multiple=16, few_steps=True)
OPEN = OperatorTerms(contract="open")


def entry(traits: Traits | None = SDXL, terms: OperatorTerms = OPEN) -> ModelEntry:
    return ModelEntry(id="mine", source="mine", drawn_by="mine", terms=terms, traits=traits)


def parse(model: ModelEntry | None = None, **fields: Any) -> ImageRequest:
    return parse_image_request({"model": "mine", "prompt": "a boat"} | fields, Catalogue([model or entry()]))


def refusal(model: ModelEntry | None = None, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(model, **fields)
    return caught.value


def test_the_defaults_of_an_open_model_are_its_own() -> None:
    request = parse(entry(TURBO))
    assert (request.size, request.n, request.delivery.stream, request.quality) == (Size(512, 512), 1, False, "auto")
    assert "steps" not in request.options
    assert "guidance_scale" not in request.asked


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "auto", "background": "auto", "moderation": "auto", "quality": "auto", "n": 1, "stream": False},
        {"background": "opaque", "response_format": "b64_json", "user": "somebody", "partial_images": 0},
        {"output_compression": 100, "output_compression ": None},
    ],
)
def test_what_openais_clients_send_as_a_matter_of_course_changes_nothing(fields: dict[str, Any]) -> None:
    plain = parse()
    asked = parse(**fields).asked
    assert {n: v for n, v in asked.items() if n != "output_compression"} == plain.asked
    assert msgspec.structs.replace(parse(**fields), asked=plain.asked) == plain


@pytest.mark.parametrize("size", ["64x64", "512x768", "2048x2048", "1000x1016", *SIZES])
def test_a_free_size_is_taken_within_the_limits(size: str) -> None:
    assert str(parse(size=size).size) == size


@pytest.mark.parametrize(
    "size",
    ["63x64", "1001x1000", "2056x64", "64x", "x64", "064x64", "64x64x64", "1e3x64", "64 x64", "", 5, "١٢٨x128"],
)
def test_any_other_size_is_refused_with_the_limits(size: Any) -> None:
    error = refusal(size=size)
    assert (error.param, error.code) == ("size", "invalid_value")
    assert "from 64 to 2048 in multiples of 8" in error.message


def test_the_operator_bounds_free_sizes_and_the_nine_stay() -> None:
    bounded = entry(terms=OperatorTerms(contract="open", max_side=900))
    assert parse(bounded, size="896x896").size == Size(896, 896)
    assert parse(bounded, size="1536x640").size == Size(1536, 640)
    assert "from 64 to 896 in multiples of 8" in refusal(bounded, size="904x896").message


def test_sizes_that_a_model_cannot_draw_are_not_listed() -> None:
    coarse = capabilities_of(OPEN, msgspec.structs.replace(SDXL, side_multiple=128))
    assert coarse["size"].as_json()["values"] == ["1024x1024", "1536x640", "640x1536"]


def test_a_ratio_decides_and_auto_leaves_it_to_decide() -> None:
    assert parse(aspect_ratio="16:9", size="auto").size == Size(1344, 768)
    assert refusal(aspect_ratio="16:9", size="512x512").param == "size"


@pytest.mark.parametrize(("quality", "steps"), [("low", 25), ("medium", 50), ("high", 100), ("auto", None)])
def test_a_quality_is_a_number_of_steps(quality: str, steps: int | None) -> None:
    assert parse(quality=quality).options.get("steps") == steps


def test_the_operator_says_what_a_quality_takes_and_what_is_taken_unasked() -> None:
    terms = OperatorTerms(contract="open", steps=20, quality_steps=(("high", 33),))
    takes = {q: parse(entry(terms=terms), quality=q).options["steps"] for q in ("low", "medium", "high", "auto")}
    assert takes == {"low": 10, "medium": 20, "high": 33, "auto": 20}
    assert parse(entry(terms=terms), steps=7).options["steps"] == 7


def test_quality_and_steps_together_are_a_contradiction() -> None:
    assert refusal(quality="low", steps=5).param == "quality"
    assert parse(quality="auto", steps=5).options["steps"] == 5


def test_guidance_is_offered_where_a_model_has_it() -> None:
    assert parse(guidance_scale=3).asked["guidance_scale"] == 3
    assert parse(guidance_scale=0).options["guidance_scale"] == 0
    error = refusal(entry(TURBO), guidance_scale=3)
    assert (error.code, error.param) == ("unknown_parameter", "guidance_scale")
    assert "guidance_scale" not in parse(entry(TURBO), guidance_scale=3, allow_ignored_params=True).asked


@pytest.mark.parametrize("terms", [OPEN, OperatorTerms(contract="strict")])
def test_a_negative_prompt_is_refused_by_name_where_it_would_do_nothing(terms: OperatorTerms) -> None:
    useless = entry(TURBO, terms)
    error = refusal(useless, negative_prompt="fog")
    assert (error.code, error.param) == ("unknown_parameter", "negative_prompt")
    assert "negative_prompt" not in parse(useless, negative_prompt="").asked
    assert "negative_prompt" not in parse(useless, negative_prompt="fog", allow_ignored_params=True).asked
    assert parse(entry(SDXL, terms), negative_prompt="fog").asked["negative_prompt"] == "fog"


def test_svg_is_offered_where_a_model_draws_vectors() -> None:
    drawing = entry(msgspec.structs.replace(SDXL, vector=True))
    assert parse(drawing, output_format="svg").output_format == "svg"
    assert refusal(output_format="svg").param == "output_format"
    assert parse(output_format="webp").output_format == "webp"


@pytest.mark.parametrize("output_format", ["png", "svg"])
def test_compression_is_for_formats_that_have_it(output_format: str) -> None:
    drawing = entry(msgspec.structs.replace(SDXL, vector=True))
    assert refusal(drawing, output_format=output_format, output_compression=99).param == "output_compression"
    assert parse(drawing, output_format=output_format, output_compression=100).asked["output_compression"] == 100
    assert parse(drawing, output_format="jpeg", output_compression=0).asked["output_compression"] == 0


def test_partial_images_need_a_stream() -> None:
    assert refusal(partial_images=2).param == "partial_images"
    assert parse(partial_images=2, stream=True).delivery.partial_images == 2


def test_several_pictures_have_the_seeds_after_the_first() -> None:
    assert parse(n=3, seed=7).seeds(7) == (7, 8, 9)
    assert parse(n=3).seeds(4294967295) == (4294967295, 1, 2)


def test_a_strict_model_offers_the_eight_whatever_it_can_do() -> None:
    assert capabilities_of(OperatorTerms(), SDXL) == capabilities_of(OperatorTerms(), None)
    for name, value in {"n": 2, "quality": "low", "steps": 5, "stream": True, "output_compression": 5}.items():
        assert refusal(entry(terms=OperatorTerms(contract="strict")), **{name: value}).code == "unknown_parameter"
    assert refusal(entry(terms=OperatorTerms(contract="strict")), output_format="webp").code == "invalid_value"


def test_what_cannot_be_judged_before_a_model_is_described() -> None:
    unknown, strict = entry(None), entry(None, OperatorTerms(contract="strict"))
    assert depends_on_traits({}, unknown)
    assert not depends_on_traits({}, entry())
    assert not depends_on_traits({"negative_prompt": ""}, strict)
    assert depends_on_traits({"negative_prompt": "fog"}, strict)
    assert "steps" not in unknown.capabilities.names


def test_a_pattern_matches_the_sizes_it_is_made_of_and_no_other() -> None:
    for sides in (range(64, 2049, 8), range(16, 4097), range(9, 101, 7), range(64, 65)):
        pattern = re.compile(pattern_of_sizes(sides, ("auto",)))
        assert pattern.search("auto")
        allowed = {side for side in range(5000) if pattern.search(f"{side}x{sides.start}")}
        assert allowed == set(sides)
        assert len(pattern.pattern) < 2000


def test_a_parameter_is_found_by_its_name_and_says_how_much_of_it_is_read() -> None:
    offered = capabilities_of(OPEN, msgspec.structs.replace(SDXL, prompt_tokens=77))
    assert offered["prompt"].as_json()["max_tokens"] == 77
    assert "max_tokens" not in capabilities_of(OPEN, SDXL)["prompt"].as_json()
    with pytest.raises(KeyError):
        offered["nothing"]


def test_the_model_list_tells_rules_of_what_is_offered_alone() -> None:
    told = [(rule["rule"], rule["parameter"], rule["other"]) for rule in entry().capabilities.as_json()["rules"]]
    assert told == [
        ("needs", "partial_images", "stream"),
        ("needs", "response_format", "stream"),
        ("excludes", "quality", "steps"),
        ("only_for", "output_compression", "output_format"),
    ]
    assert entry(terms=OperatorTerms()).capabilities.as_json()["rules"] == []


@pytest.mark.parametrize(
    ("few_steps", "expected"),
    [
        (False, {"low": 10, "medium": 20, "high": 40, "xhigh": 60, "max": 80}),
        (True, {"low": 10, "medium": 20, "high": 40}),
    ],
)
def test_qualities_are_shares_of_the_models_own_steps(few_steps: bool, expected: dict[str, int]) -> None:
    traits = Traits(pipeline="P", steps=20, few_steps=few_steps)
    kind = capabilities_of(OperatorTerms(contract="open"), traits)["quality"].kind
    assert isinstance(kind, Choice)
    assert kind.values == ("auto", *expected)
    declaration = next(each for each in declared() if each.name == "quality")
    for name, steps in expected.items():
        assert declaration.options(declaration, name, OperatorTerms(contract="open"), traits) == {"steps": steps}


def test_no_quality_takes_more_steps_than_may_be_asked_for() -> None:
    declaration = next(each for each in declared() if each.name == "quality")
    terms, traits = OperatorTerms(contract="open"), Traits(pipeline="P", steps=50)
    assert declaration.options(declaration, "max", terms, traits) == {"steps": 150}
