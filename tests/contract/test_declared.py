"""All declarations together: what follows from them for a recipe, its cost and its fingerprint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import Contract, OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.parameters.declared import (
    declared,
    declaring,
    fingerprint_marks,
    options_of,
    ordinary_options,
    taken_by,
)
from safelight.contract.values.kinds import Flag, Number, Value

API = Path(__file__).parents[2] / "docs" / "api.md"
TRAITS = Traits(pipeline="SDXL", steps=50, guidance_scale=5.0, negative_prompt=True)
MADE_UP = Declaration(parameter=Parameter(name="made_up", kind=Number(minimum=0, maximum=1), description="Nothing."))


def test_no_two_have_one_name() -> None:
    names = [declaration.name for declaration in declared()]
    assert len(set(names)) == len(names)


def test_the_documentation_of_the_api_names_each() -> None:
    named = set(re.findall(r"`([a-z_]+)[`:]", API.read_text("utf-8")))
    missing = {declaration.name for declaration in declared()} - named
    assert missing == set(), "Each needs a row in the table of parameters of docs/api.md."


def test_one_that_is_tried_out_is_there_for_as_long() -> None:
    before = declared()
    with declaring(MADE_UP):
        assert declared() == (*before, MADE_UP)
        assert taken_by({"made_up": 0.5, "guidance_scale": 5.0}) == ("made_up",)
    assert declared() == before
    assert taken_by({"made_up": 0.5}) == ()


@pytest.mark.parametrize(
    ("asked", "terms", "options"),
    [
        ({}, OperatorTerms(), {}),
        ({"negative_prompt": ""}, OperatorTerms(), {}),
        ({"negative_prompt": "fog"}, OperatorTerms(), {"negative_prompt": "fog"}),
        ({"guidance_scale": 3}, OperatorTerms(), {"guidance_scale": 3.0}),
        ({}, OperatorTerms(steps=9, guidance_scale=2.0), {"steps": 9, "guidance_scale": 2.0}),
        ({"steps": 3}, OperatorTerms(steps=9), {"steps": 3}),
        ({"quality": "auto"}, OperatorTerms(steps=9), {"steps": 9}),
        ({"quality": "low"}, OperatorTerms(), {"steps": 25}),
        ({"quality": "low"}, OperatorTerms(steps=9, quality_steps=(("low", 2),)), {"steps": 2}),
        ({"output_format": "png"}, OperatorTerms(), {}),
    ],
)
def test_options_are_what_was_asked_or_else_the_operators(
    asked: dict[str, Value], terms: OperatorTerms, options: dict[str, Value]
) -> None:
    found = options_of(asked, terms, TRAITS)
    assert found == options
    assert {name: type(value) for name, value in found.items()} == {name: type(v) for name, v in options.items()}


def test_a_flag_is_an_option_as_it_is() -> None:
    tiled = Declaration(parameter=Parameter(name="tiled", kind=Flag(), description="Tiles."))
    with declaring(tiled):
        assert options_of({"tiled": True}, OperatorTerms(), TRAITS) == {"tiled": True}


def test_the_fingerprint_tells_what_was_set_and_not_said() -> None:
    terms = OperatorTerms(steps=9, guidance_scale=2.0)
    told: tuple[tuple[dict[str, Value], list[str]], ...] = (
        ({}, ["steps9", "guidance2"]),
        ({"steps": 3}, ["guidance2"]),
        ({"quality": "low", "guidance_scale": 2}, ["steps4"]),
    )
    for asked, marks in told:
        assert fingerprint_marks(asked, options_of(asked, terms, TRAITS)) == marks


def test_an_ordinary_picture_leaves_to_the_model_what_may_be_left_to_it() -> None:
    asked: dict[str, Value] = {"steps": 99, "guidance_scale": 9.0, "negative_prompt": "fog"}
    assert ordinary_options(asked, OperatorTerms()) == {"negative_prompt": "fog"}
    assert ordinary_options(asked, OperatorTerms(steps=9)) == {"negative_prompt": "fog", "steps": 9}


@pytest.mark.parametrize(
    ("takes", "contract", "is_offered"),
    [(("wobble",), "open", True), ((), "open", False), (("wobble",), "strict", False), (None, "open", False)],
)
def test_unless_it_says_otherwise_a_parameter_is_offered_where_a_pipeline_takes_it(
    takes: tuple[str, ...] | None, contract: Contract, is_offered: bool
) -> None:
    parameter = Parameter(name="wobble", kind=Number(minimum=0, maximum=2), default=1.0, description="How much.")
    traits = None if takes is None else Traits(pipeline="P", steps=4, takes=takes)
    offered = Declaration(parameter=parameter).offered(parameter, OperatorTerms(contract=contract), traits)
    assert (offered is not None) == is_offered
