"""Each rule between parameters refuses exactly what its JSON Schema does not allow."""

from __future__ import annotations

from itertools import product
from typing import Any

import jsonschema_rs
import pytest

from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Capabilities
from safelight.contract.parameters.declared import declared
from safelight.contract.values.rules import Excludes, Needs, OnlyFor, Rule

NEEDS = Needs(parameter="previews", other="live", value=True, idle=(0,))
EXCLUDES = Excludes(parameter="pace", other="steps", why="`pace` says how many.", idle=("auto",))
ONLY_FOR = OnlyFor(parameter="loss", other="format", values=("a", "b"), why="loses nothing.", idle=(100,))
DEFAULTS: dict[str, Any] = {"previews": 0, "live": False, "pace": "auto", "steps": 20, "loss": None, "format": "c"}
VALUES: dict[str, tuple[Any, ...]] = {
    "previews": (None, 0, 2),
    "live": (None, False, True),
    "pace": (None, "auto", "low"),
    "steps": (None, 20, 3),
    "loss": (None, 100, 60),
    "format": (None, "a", "b", "c"),
}


def accepts(rule: Rule, body: dict[str, Any]) -> bool:
    given = {name: value for name, value in body.items() if value is not None}
    try:
        rule.check(DEFAULTS | given, given)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize("rule", [NEEDS, EXCLUDES, ONLY_FOR], ids=lambda rule: type(rule).__name__)
def test_a_rule_and_its_schema_say_the_same_of_every_pair(rule: Rule) -> None:
    schema = jsonschema_rs.Draft202012Validator(rule.json_schema())
    answers = set()
    for value, other in product(VALUES[rule.parameter], VALUES[rule.other]):
        body = {rule.parameter: value, rule.other: other}
        for sent in (body, {name: said for name, said in body.items() if said is not None}):
            answers.add(accepts(rule, sent))
            assert accepts(rule, sent) is schema.is_valid(sent), sent
    assert answers == {True, False}


@pytest.mark.parametrize(
    ("rule", "body", "said"),
    [
        (NEEDS, {"previews": 2}, "`previews` needs `live: true`."),
        (EXCLUDES, {"pace": "low", "steps": 3}, "`pace` says how many. Send it or `steps`, not both."),
        (ONLY_FOR, {"loss": 60}, "`loss` is for a and b; c loses nothing."),
    ],
)
def test_the_refusal_says_what_goes_together(rule: Rule, body: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rule.check(DEFAULTS | body, body)
    assert (refused.value.message, refused.value.param) == (said, rule.parameter)


def test_the_model_list_says_a_rule_by_its_name() -> None:
    told = {"rule": "needs", "parameter": "previews", "other": "live", "value": True, "idle": [0]}
    assert Capabilities(parameters=(), rules=(NEEDS,)).as_json()["rules"] == [told]


def test_every_rule_of_a_declaration_ties_it_to_one_that_is_declared() -> None:
    names = {declaration.name for declaration in declared()}
    rules = [(declaration.name, rule) for declaration in declared() for rule in declaration.rules]
    assert {type(rule) for _, rule in rules} == {Needs, Excludes, OnlyFor}
    for name, rule in rules:
        assert rule.parameter == name
        assert rule.other in names
