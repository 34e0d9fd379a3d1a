"""An edit is read by the same declarations: what a model offers of pictures, how forms are read, and sizes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import EditTraits, Traits
from safelight.contract.parameters.calls import EDITS, Call
from safelight.contract.parameters.rendering.size import fitted_size, nearest_size
from safelight.contract.requests.order import InputPicture
from safelight.contract.requests.parsing import begun_with, parse_image_request
from safelight.contract.requests.request import Begin, ImageRequest
from safelight.contract.values.kinds import Flag, FreeSize, Number, Text, Whole
from safelight.contract.values.pictures import PictureFacts
from safelight.contract.values.sizes import Size
from safelight.contract.values.weights import Weights

FACTS = PictureFacts(sha256="aa", bytes=9, width=300, height=200)
URL = "data:image/png;base64,AAAA"
TRAITS = Traits(pipeline="P", steps=4, side_multiple=16, edits=EditTraits(maximum=2, mask=True, strength=True))


def catalogue(**traits: Any) -> Catalogue:
    known = msgspec.structs.replace(TRAITS, **traits)
    words = msgspec.structs.replace(TRAITS, edits=None)
    strict = ModelEntry(id="strict", source="s", drawn_by="s", terms=OperatorTerms(contract="strict"), traits=known)
    return Catalogue(
        [
            ModelEntry(id="one", source="p", drawn_by="p", terms=OperatorTerms(contract="open"), traits=known),
            ModelEntry(id="words", source="w", drawn_by="w", terms=OperatorTerms(contract="open"), traits=words),
            strict,
        ]
    )


def read(call: Call = "edit", traits: dict[str, Any] | None = None, **fields: Any) -> ImageRequest:
    given = {"model": "one", "prompt": "at night"} | ({"images": [FACTS]} if call == "edit" else {"image": (FACTS,)})
    return parse_image_request(given | fields, catalogue(**(traits or {})), call)


def refused(call: Call = "edit", traits: dict[str, Any] | None = None, **fields: Any) -> tuple[str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        read(call, traits, **fields)
    return caught.value.code, caught.value.param


def test_words_alone_have_none_of_the_parameters_of_an_edit() -> None:
    names = catalogue().find("one").capabilities.names
    assert not {"image", "images", "mask", "strength"} & set(names)


@pytest.mark.parametrize(("call", "name"), [("edit", "images"), ("edit by form", "image")])
def test_pictures_are_required_by_the_name_that_they_have_there(call: Call, name: str) -> None:
    assert refused(call, None, **{name: None}) == ("missing_required_parameter", name)
    assert refused(call, None, **{name: []}) == ("missing_required_parameter", name)


def test_a_model_that_takes_no_pictures_has_no_parameters_for_them_in_an_edit_either() -> None:
    for model in ("words", "strict"):
        for call in EDITS:
            assert not {"image", "images", "mask", "strength"} & set(
                catalogue().find(model).capabilities_for(call).names
            )


def test_the_listed_sizes_of_the_strict_contract_stay_those_that_it_lists() -> None:
    strict = catalogue().find("strict")
    assert strict.capabilities_for("edit")["size"] == strict.capabilities["size"]
    assert catalogue().find("one").capabilities_for("edit")["size"].default == "auto"


def test_pictures_of_the_other_kind_of_body_are_no_parameters() -> None:
    assert refused(image=[FACTS]) == ("unknown_parameter", "image")
    assert refused("edit by form", images=[FACTS]) == ("unknown_parameter", "images")


@pytest.mark.parametrize(("model", "code"), [("words", "unsupported_operation"), ("strict", "unsupported_operation")])
def test_a_model_that_draws_from_words_alone_names_those_that_take_pictures(model: str, code: str) -> None:
    with pytest.raises(InvalidRequest, match="Models that take pictures: one") as caught:
        read(model=model)
    assert (caught.value.code, caught.value.param) == (code, "model")


def test_a_model_that_works_only_from_pictures_says_so_to_words() -> None:
    with pytest.raises(InvalidRequest, match=r"works only from a picture\. POST /v1/images/edits") as caught:
        parse_image_request({"model": "one", "prompt": "a"}, catalogue(draws_from_words=False), "generate")
    assert (caught.value.code, caught.value.param) == ("unsupported_operation", "model")
    assert read(traits={"draws_from_words": False}).begin.facts == (FACTS,)


def test_more_pictures_than_the_model_takes_are_refused() -> None:
    assert refused(images=[FACTS] * 3) == ("invalid_value", "images")
    assert len(read(images=[FACTS] * 2).begin.inputs) == 2


@pytest.mark.parametrize(("call", "name"), [("edit", "images"), ("edit by form", "image")])
def test_more_pictures_than_it_takes_beside_a_mask_are_refused_whoever_sent_it(call: Call, name: str) -> None:
    one = {"edits": EditTraits(maximum=2, maximum_with_mask=1, mask=True)}
    request = read(call, one, **{name: (FACTS, FACTS)})
    image = InputPicture(role="image", sha256="aa", width=300, height=200, pixels=b"")
    masked = (image, image, msgspec.structs.replace(image, role="mask"))
    assert begun_with(request, Begin(facts=(FACTS, FACTS), inputs=(image, image))).begin.inputs == (image, image)
    assert begun_with(request, Begin(facts=(FACTS, FACTS), inputs=masked[1:])).begin.inputs == masked[1:]
    with pytest.raises(InvalidRequest, match=r"takes 1 picture with a mask.*; 2 came\. The transparent") as caught:
        begun_with(request, Begin(facts=(FACTS, FACTS), inputs=masked))
    assert (caught.value.code, caught.value.param) == ("invalid_value", name)


def test_the_model_list_says_whether_words_are_enough() -> None:
    said = [catalogue(draws_from_words=words).find("one").capabilities.as_json() for words in (True, False)]
    assert [each["generations"] for each in said] == [True, False]


def test_words_to_a_strict_id_of_a_model_that_works_only_from_pictures_are_refused_too() -> None:
    with pytest.raises(InvalidRequest, match="Under this id it takes none") as caught:
        parse_image_request({"model": "strict", "prompt": "a"}, catalogue(draws_from_words=False), "generate")
    assert (caught.value.code, caught.value.param) == ("unsupported_operation", "model")


@pytest.mark.parametrize("name", ["mask", "strength"])
def test_what_the_model_has_no_use_for_is_refused_or_ignored(name: str) -> None:
    said: dict[str, Any] = {"mask": {"image_url": URL}} if name == "mask" else {"strength": 0.5}
    without = {"edits": EditTraits()}
    assert refused("edit", without, **said) == ("unknown_parameter", name)
    assert read("edit", without, allow_ignored_params=True, **said).begin.given_mask is None


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ("x", "invalid_value", "images[0]"),
        ({}, "missing_required_parameter", "images[0].image_url"),
        ({"image_url": None}, "missing_required_parameter", "images[0].image_url"),
        ({"image_url": 5}, "invalid_value", "images[0].image_url"),
        ({"image_url": "https://example.org/a.png"}, "invalid_value", "images[0].image_url"),
        ({"image_url": "file:///etc/passwd"}, "invalid_value", "images[0].image_url"),
        ({"file_id": "file-1"}, "invalid_value", "images[0].file_id"),
        ({"image_url": URL, "detail": "high"}, "unknown_parameter", "images[0].detail"),
        ({"sha256": "aa", "bytes": 1, "width": 1, "height": 1}, "unknown_parameter", "images[0].sha256"),
    ],
)
def test_an_item_that_is_no_picture_is_refused_by_its_place(item: Any, code: str, param: str) -> None:
    assert refused(images=[item]) == (code, param)


def test_one_picture_without_its_array_is_refused_by_the_name_of_the_array() -> None:
    assert refused(images={"image_url": URL}) == ("invalid_value", "images")


@pytest.mark.parametrize("name", ["image", "mask"])
def test_text_in_a_form_is_no_file(name: str) -> None:
    assert refused("edit by form", None, **{name: URL}) == ("invalid_value", name)


def test_a_mask_is_refused_by_its_own_name() -> None:
    assert refused(mask={"image_url": "http://x"}) == ("invalid_value", "mask.image_url")
    assert refused(mask="x") == ("invalid_value", "mask")


def test_a_form_is_read_as_json_would_be() -> None:
    request = read(
        "edit by form",
        seed="7.0",
        n="2",
        strength="5e-1",
        stream="true",
        size="64x128",
        output_format="jpeg",
        steps="1e1",
    )
    assert (request.seed, request.n, request.delivery.stream, str(request.size)) == (7, 2, True, "64x128")
    assert request.options == {"strength": 0.5, "steps": 10}


@pytest.mark.parametrize(
    ("name", "text"),
    [("seed", "07"), ("seed", "x"), ("seed", "true"), ("stream", "True"), ("stream", "1"), ("n", "NaN")],
)
def test_a_forms_text_that_is_no_value_is_refused(name: str, text: str) -> None:
    assert refused("edit by form", None, **{name: text}) == ("invalid_value", name)


def test_an_empty_text_is_absent_and_the_text_null_is_text() -> None:
    assert read("edit by form", seed="", negative_prompt="", prompt="null").prompt == "null"
    assert refused("edit by form", prompt="") == ("missing_required_parameter", "prompt")


def test_nowhere_else_is_text_read_so() -> None:
    assert refused(seed="7") == ("invalid_value", "seed")
    assert refused(strength="0.5") == ("invalid_value", "strength")


def test_a_kind_reads_its_own_text_alone() -> None:
    weights = Weights(names=("ink",), of="LoRAs", most=4, minimum=-4, maximum=4)
    assert weights.from_text('{"ink": 1}') == {"ink": 1}
    assert weights.from_text("[1]") == "[1]"
    assert Text().from_text("5") == "5"
    assert Flag().from_text("false") is False
    assert Whole(minimum=0, maximum=9).from_text("true") == "true"
    assert Number(minimum=0, maximum=9).from_text("1e0") == 1.0


def sides(least: int = 64, most: int = 2048, step: int = 16) -> range:
    return range(least, most + 1, step)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((300, 200), "304x208"),  # 18.75 and 12.5 multiples: halves go up
        ((64, 64), "64x64"),
        ((2048, 2048), "2048x2048"),
        ((2055, 100), "2048x96"),
        ((4000, 3000), "2048x1536"),
        ((3000, 4000), "1536x2048"),
        ((32, 48), "64x96"),
        ((56, 56), "64x64"),
    ],
)
def test_auto_is_the_nearest_size_of_the_pictures_shape(picture: tuple[int, int], expected: str) -> None:
    assert str(nearest_size(Size(*picture), sides())) == expected


@pytest.mark.parametrize("picture", [(4000, 100), (100, 4000), (20, 2000)])
def test_a_shape_that_no_size_has_is_refused_by_size(picture: tuple[int, int]) -> None:
    assert nearest_size(Size(*picture), sides()) is None
    kind = FreeSize(values=(), minimum=64, maximum=2048, multiple_of=16)
    with pytest.raises(InvalidRequest, match="no size with sides from 64 to 2048 has that shape") as caught:
        fitted_size({}, Size(*picture), kind)
    assert caught.value.param == "size"
    assert fitted_size({"size": "64x64"}, Size(*picture), kind) == Size(64, 64)


def test_size_and_aspect_ratio_decide_over_the_picture() -> None:
    assert str(read().size) == "304x208"
    assert str(read(size="auto").size) == "304x208"
    assert str(read(size="64x128").size) == "64x128"
    assert str(read(aspect_ratio="16:9").size) == "1344x768"
    assert str(read(aspect_ratio="16:9", size="auto").size) == "1344x768"
    assert refused(aspect_ratio="16:9", size="64x64") == ("invalid_value", "size")


def test_a_job_draws_from_what_its_request_says() -> None:
    mask = msgspec.structs.replace(FACTS, sha256="bb")
    request = read(images=[FACTS, FACTS], mask=mask, strength=0.5, seed=7)
    fields = request.fields()
    told = {"sha256": "aa", "bytes": 9, "width": 300, "height": 200}
    assert (fields["images"], fields["mask"]) == ([told, told], told | {"sha256": "bb"})
    assert [picture.role for picture in request.recipe(7).inputs] == ["image", "image", "mask"]
    kept = fields | {"images": [FACTS, FACTS], "mask": mask}
    assert parse_image_request(kept, catalogue(), "edit").digest() == request.digest()


@pytest.mark.parametrize("other", [{"sha256": "cc"}, {"bytes": 8}])
def test_the_digest_of_a_key_covers_the_files(other: dict[str, Any]) -> None:
    assert read(images=[msgspec.structs.replace(FACTS, **other)]).digest() != read().digest()


def test_capabilities_say_what_is_taken_of_pictures() -> None:
    known = catalogue(loras=("ink",))
    said = known.find("one").capabilities.as_json()
    assert said["edits"] == {"pictures": {"minimum": 1, "maximum": 2}, "mask": True, "strength": True}
    assert said["loras"] == ["ink"]
    for other in ("words", "strict"):
        assert known.find(other).capabilities.as_json()["edits"] is None
    assert known.find("strict").capabilities.as_json()["loras"] == []
