"""Whether a prompt is written anew before it is drawn, where the operator has that done."""

# Tested in tests/api/test_rewriting.py.

from __future__ import annotations

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.values.kinds import Flag


def _where_set_up(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    return parameter if terms.rewrites and terms.contract == "open" else None


REWRITE = Declaration(
    parameter=Parameter(
        name="rewrite",
        kind=Flag(),
        default=True,
        description="If true, a chat model writes the prompt anew first. If false, it is drawn as it is.",
        in_form=False,
    ),
    part="request",
    offered=_where_set_up,
    # What edits say is often an instruction, and no description to be made vivid.
    calls=("generate",),
)
