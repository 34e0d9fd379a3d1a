"""What a model supports under its operator's terms: what all declarations offer together (CONTRACT 1 and 6)."""

from __future__ import annotations

from functools import lru_cache

from safelight.contract.models.capabilities import Capabilities
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.parameters.declared import declared
from safelight.contract.parameters.tolerated import tolerated_beside
from safelight.contract.values.rules import IN_ORDER, Needs


def capabilities_of(terms: OperatorTerms, traits: Traits | None, call: Call = "generate") -> Capabilities:
    """What a model supports under these terms of those who ask in that way; `traits` None while the engine has not
    described the model yet."""
    return _offered(declared(), terms, traits, call)


@lru_cache(maxsize=256)
def _offered(
    declarations: tuple[Declaration, ...], terms: OperatorTerms, traits: Traits | None, call: Call
) -> Capabilities:
    parameters = [d.offer(terms, traits, call) for d in declarations]
    offered = {parameter.name: parameter for parameter in parameters if parameter is not None}
    for each in (rule for d in declarations for rule in d.rules if isinstance(rule, Needs)):
        if each.other not in offered:  # without that it says nothing
            offered.pop(each.parameter, None)
    rules = [rule for d in declarations for rule in d.rules if {rule.parameter, rule.other} <= offered.keys()]
    return Capabilities(
        parameters=tuple(offered.values()),
        tolerated=tolerated_beside(offered, terms),
        rules=tuple(sorted(rules, key=lambda rule: IN_ORDER.index(type(rule)))),
        edits=None if traits is None or terms.contract == "strict" else traits.edits,
        generations=traits is None or traits.draws_from_words,
        controls=() if traits is None or terms.contract == "strict" else traits.controls,
        loras=() if traits is None or terms.contract == "strict" else traits.loras,
    )
