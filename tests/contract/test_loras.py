"""LoRAs by name: what may be named, and what an id stands for."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.requests.request import ImageRequest

TRAITS = Traits(pipeline="P", steps=4, loras=("ink", "wash", "chalk", "oil", "lino"))


def read(own: tuple[tuple[str, float], ...] = (), **fields: Any) -> ImageRequest:
    terms = OperatorTerms(contract="open", loras=own)
    entry = ModelEntry(id="one", source="p", drawn_by="p", terms=terms, traits=TRAITS)
    return parse_image_request({"model": "one", "prompt": "a boat"} | fields, Catalogue([entry]))


def test_weights_are_options_of_the_recipe() -> None:
    request = read(loras={"ink": 1, "wash": -0.5})
    assert request.options == {"loras": {"ink": 1.0, "wash": -0.5}}
    assert isinstance(request.options["loras"], dict)
    assert read().options == {}
    assert request.fields()["loras"] == {"ink": 1.0, "wash": -0.5}


def test_the_order_in_which_they_are_named_makes_no_other_picture() -> None:
    one, other = read(loras={"ink": 1, "wash": 2}), read(loras={"wash": 2, "ink": 1})
    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    ("loras", "says"),
    [
        ({"soot": 1}, r"`loras` names `soot`, .* LoRAs that fit this model: ink, wash, chalk, oil, lino\."),
        ({"../ink.safetensors": 1}, "does not fit"),
        ({"ink": 4.1}, "from -4 to 4 for ink"),
        ({"ink": True}, "from -4 to 4 for ink"),
        ({"ink": "1"}, "from -4 to 4 for ink"),
        (dict.fromkeys(TRAITS.loras, 1), "at most 4 names; 5 came"),
        (["ink"], "must be an object"),
    ],
)
def test_what_is_wrong_is_said_of_loras(loras: Any, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        read(loras=loras)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "loras")


def test_an_id_stands_for_its_own_and_a_request_may_change_them() -> None:
    own = (("ink", 0.8),)
    assert read(own).options == {"loras": {"ink": 0.8}}
    assert read(own, loras={"wash": 1}).options == {"loras": {"ink": 0.8, "wash": 1.0}}
    assert read(own, loras={"ink": 0.5}).options == {"loras": {"ink": 0.5}}
    assert read(own, loras={"ink": 0}).options == {"loras": {}}
    assert read(loras={"ink": 0}).options == {}


def test_what_an_id_stands_for_is_in_the_fingerprint() -> None:
    assert read((("wash", 1.0), ("ink", 0.8))).fingerprint_marks == ["loras-ink0.8-wash1"]
    assert read((("ink", 0.8),), loras={"ink": 1}).fingerprint_marks == []
