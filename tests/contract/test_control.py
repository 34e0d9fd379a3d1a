"""What a model with ControlNets offers, and how the pictures that they follow are read."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Capabilities
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import EditTraits, Traits
from safelight.contract.offers import capabilities_of
from safelight.contract.parameters.calls import ALL, Call
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.values.kinds import words_for
from safelight.contract.values.pictures import NamedPictures, PictureFacts
from tests.contract.test_edit_request import catalogue

FACTS = PictureFacts(sha256="aa", bytes=9, width=30, height=20)


def offered(call: Call = "generate", contract: Any = "open", **traits: Any) -> Capabilities:
    known = Traits(pipeline="P", steps=4, **{"controls": ("canny", "depth"), **traits})
    return capabilities_of(OperatorTerms(contract=contract), known, call)


@pytest.mark.parametrize("call", ALL)
def test_without_controlnets_there_is_nothing_to_follow(call: Call) -> None:
    edits = EditTraits(controls=True)
    for capabilities in (offered(call, controls=(), edits=edits), offered(call, "strict", edits=edits)):
        assert not {"control", "control_strength"} & set(capabilities.names)
        assert capabilities.as_json()["controls"] == []


def test_edits_have_it_where_the_family_follows_beside_pictures() -> None:
    for call in ("edit", "edit by form"):
        follows, does_not = (offered(call, edits=EditTraits(controls=each)) for each in (True, False))
        assert {"control", "control_strength"} <= set(follows.names)
        assert not {"control", "control_strength"} & set(does_not.names)
        kind = follows["control"].kind
        assert isinstance(kind, NamedPictures)
        assert kind.by_form == (call == "edit by form")


@pytest.mark.parametrize(("together", "most"), [(True, 2), (False, 1)])
def test_as_many_at_once_as_the_pipeline_follows(together: bool, most: int) -> None:
    kind = offered(controls_together=together)["control"].kind
    assert isinstance(kind, NamedPictures)
    both = {"depth": FACTS, "canny": FACTS}
    assert kind.most == most
    if together:
        assert [name for name, _ in kind.read("control", both)] == ["canny", "depth"]
        return
    with pytest.raises(InvalidRequest, match="takes one picture for this model; 2 came") as caught:
        kind.read("control", both)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "control")


def test_a_name_that_is_null_is_absent() -> None:
    kind = NamedPictures(names=("canny", "depth"), most=1)
    ((name, picture),) = kind.read("control", {"canny": None, "depth": FACTS})
    assert (name, picture.param, picture.facts) == ("depth", "control.depth", FACTS)


def test_its_words_are_those_of_the_model_list() -> None:
    said = offered(controls_together=True)["control"].as_json()
    assert words_for(said) == "PNG, JPEG or WebP files by name: canny, depth; at most 2"


def test_a_strength_without_a_picture_says_nothing() -> None:
    def read(**fields: Any) -> Any:
        return parse_image_request({"model": "one", "prompt": "a", **fields}, catalogue(controls=("canny",)))

    assert read(control={"canny": FACTS}, control_strength=0).options == {"control_strength": 0.0}
    assert read(control_strength=None).options == {}
    with pytest.raises(InvalidRequest, match="`control_strength` needs `control`"):
        read(control_strength=1)
    with pytest.raises(InvalidRequest, match="`control_strength` needs `control`"):
        read(control_strength=1, control={})


def test_what_is_known_of_the_pictures_is_in_what_a_job_keeps() -> None:
    fields = {"model": "one", "prompt": "a", "control": {"canny": FACTS}}
    request = parse_image_request(fields, catalogue(controls=("canny",)))
    assert request.fields()["control"] == {"canny": {"sha256": "aa", "bytes": 9, "width": 30, "height": 20}}
    assert [(each.role, each.name) for each in request.recipe(1).inputs] == [("control", "canny")]
    other = parse_image_request(fields | {"control": {"depth": FACTS}}, catalogue(controls=("canny", "depth")))
    assert request.digest() != other.digest()


@pytest.mark.parametrize("by_form", [True, False])
def test_they_are_described_as_a_picture_for_each_name(by_form: bool) -> None:
    kind = NamedPictures(names=("canny", "depth"), most=1, by_form=by_form)
    schema = kind.json_schema()
    assert (list(schema["properties"]), schema["maxProperties"]) == (["canny", "depth"], 1)
    nullable = {"type": "null"} in schema["properties"]["canny"].get("anyOf", ())
    assert nullable is not by_form  # a form has no null
    assert kind.from_text("canny=map.png") == "canny=map.png"
