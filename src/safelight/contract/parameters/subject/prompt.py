"""Which model, and what the picture should and should not show."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration, always
from safelight.contract.values.kinds import Text, Value

MAX_PROMPT_CHARACTERS = 10_000


def _prompt(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter:
    """How much of it is read, where that is known."""
    return msgspec.structs.replace(parameter, max_tokens=traits.prompt_tokens if traits is not None else None)


def _negative(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    return parameter if traits is None or traits.negative_prompt else None


def _avoided(declaration: Declaration, value: Value, terms: OperatorTerms, traits: Traits | None) -> dict[str, Value]:
    """Nothing to avoid is no option."""
    return {declaration.name: value} if value else {}


MODEL = Declaration(
    parameter=Parameter(name="model", kind=Text(), required=True, description="An id or alias from the model list."),
    part="request",
    offered=always,
    help="The model that draws. Default: the first that is offered.",
)
PROMPT = Declaration(
    parameter=Parameter(
        name="prompt",
        kind=Text(min_length=1, max_length=MAX_PROMPT_CHARACTERS, blank_allowed=False),
        required=True,
        description="What the picture should show.",
    ),
    part="request",
    offered=_prompt,
)
NEGATIVE_PROMPT = Declaration(
    parameter=Parameter(
        name="negative_prompt",
        kind=Text(max_length=MAX_PROMPT_CHARACTERS),
        default="",
        description="What the picture should not show.",
    ),
    offered=_negative,
    help="What the picture should not show.",
    options=_avoided,
    passes=lambda text: "negative" if text else "",
    by_traits=True,
)
