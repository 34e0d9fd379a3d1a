"""LoRAs by the names that the operator gave them (CONTRACT 9)."""

# Tested in tests/contract/test_loras.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.values.kinds import Value
from safelight.contract.values.weights import Weights

MOST_LORAS = 4
MOST_WEIGHT = 4.0

_KIND = Weights(names=(), of="LoRAs", most=MOST_LORAS, minimum=-MOST_WEIGHT, maximum=MOST_WEIGHT)


def _fitting(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Under a model's own id those that fit it, each with the weight that the id has for it, else the operator's."""
    if terms.contract == "strict" or traits is None:
        return None
    weights = dict(terms.lora_weights) | dict(terms.loras)
    defaults = tuple(weights.get(name, 1.0) for name in traits.loras)
    return msgspec.structs.replace(
        parameter, kind=msgspec.structs.replace(_KIND, names=traits.loras, defaults=defaults)
    )


def _with_its_own(
    declaration: Declaration, value: Value, terms: OperatorTerms, traits: Traits | None
) -> dict[str, Value]:
    """Those of the request beside those that the id stands for, whose weights it may change. A weight of 0 is none."""
    asked = value if isinstance(value, dict) else {}
    weights = {name: weight for name, weight in {**dict(terms.loras), **asked}.items() if weight}
    return {declaration.name: weights} if weights or terms.loras else {}


def _own(terms: OperatorTerms) -> Value | None:
    return dict(terms.loras) or None


LORAS = Declaration(
    parameter=Parameter(
        name="loras",
        kind=_KIND,
        description="Which LoRAs count, and how much: an object of names and weights; null is the LoRA's own weight.",
        in_form=False,
    ),
    offered=_fitting,
    help="Which LoRAs count, and how much, for example '{\"ink\": 0.8}'.",
    is_left_open=True,
    options=_with_its_own,
    operator=_own,
    mark=lambda weights: "loras" + "".join(f"-{name}{weight:g}" for name, weight in sorted(weights.items())),
)
