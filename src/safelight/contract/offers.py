"""What a model supports under its operator's terms: what all declarations offer together (CONTRACT 1 and 6)."""

from __future__ import annotations

from functools import lru_cache

from safelight.contract.capabilities import Capabilities
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.parameters.declared import declared
from safelight.contract.parameters.tolerated import tolerated_beside
from safelight.contract.rules import IN_ORDER
from safelight.contract.terms import Terms
from safelight.contract.traits import Traits


def capabilities_of(terms: Terms, traits: Traits | None) -> Capabilities:
    """What a model supports under these terms; `traits` None while the engine has not described the model yet."""
    return _offered(declared(), terms, traits)


@lru_cache(maxsize=256)
def _offered(declarations: tuple[Declaration, ...], terms: Terms, traits: Traits | None) -> Capabilities:
    parameters = [d.offered(d.parameter, terms, traits) for d in declarations]
    offered = {parameter.name: parameter for parameter in parameters if parameter is not None}
    rules = [rule for d in declarations for rule in d.rules if {rule.parameter, rule.other} <= offered.keys()]
    return Capabilities(
        parameters=tuple(offered.values()),
        tolerated=tolerated_beside(offered, terms),
        rules=tuple(sorted(rules, key=lambda rule: IN_ORDER.index(type(rule)))),
    )
