"""How a model is led to a picture. A parameter that a pipeline has an argument for is declared here."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.values.kinds import AUTO, Choice, Number, Value, Whole
from safelight.contract.values.rules import Excludes

MAX_STEPS = 150
MAX_GUIDANCE_SCALE = 30

# Quality as steps: how much of a model's own number each preset takes.
_PRESETS = {"low": 0.5, "medium": 1.0, "high": 2.0, "xhigh": 3.0, "max": 4.0}
# More steps than that make nothing better of a distilled model.
_FEW_STEPS_PRESETS = ("low", "medium", "high")


def _steps_of_quality(terms: OperatorTerms, traits: Traits) -> dict[str, int]:
    """How many steps each quality takes."""
    own = terms.steps or traits.steps
    offered = _FEW_STEPS_PRESETS if traits.few_steps else tuple(_PRESETS)
    presets = {name: min(MAX_STEPS, max(1, round(own * _PRESETS[name]))) for name in offered}
    return presets | dict(terms.quality_steps)


def _quality(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    if terms.contract == "strict" or traits is None:
        return None
    presets = _steps_of_quality(terms, traits)
    words = ", ".join(f"{name} {steps}" for name, steps in presets.items())
    return msgspec.structs.replace(
        parameter,
        kind=Choice(values=(AUTO, *presets)),
        description=f"How many steps are made, by a name: {words}. auto is the model's number. Send this or `steps`.",
    )


def _steps_for(declaration: Declaration, value: Value, terms: OperatorTerms, traits: Traits | None) -> dict[str, Value]:
    if value == AUTO or traits is None:
        return {}
    return {STEPS.name: _steps_of_quality(terms, traits)[str(value)]}


def _steps(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    if terms.contract == "strict" or traits is None:
        return None
    own = terms.steps or traits.steps
    return msgspec.structs.replace(parameter, kind=Whole(minimum=1, maximum=max(MAX_STEPS, own)), default=own)


def _guidance(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Where the model has any guidance to set."""
    if terms.contract == "strict" or traits is None or traits.guidance_scale is None:
        return None
    own = traits.guidance_scale if terms.guidance_scale is None else terms.guidance_scale
    return msgspec.structs.replace(parameter, kind=Number(minimum=0, maximum=max(MAX_GUIDANCE_SCALE, own)), default=own)


QUALITY = Declaration(
    parameter=Parameter(
        name="quality",
        kind=Choice(values=(AUTO, *_PRESETS)),
        default=AUTO,
        description="How many steps are made, by a name.",
    ),
    offered=_quality,
    rules=(Excludes(parameter="quality", other="steps", why="`quality` says how many steps to take.", idle=(AUTO,)),),
    help="How many steps are made: low, medium, high, xhigh, max or auto.",
    options=_steps_for,
)
STEPS = Declaration(
    parameter=Parameter(
        name="steps",
        kind=Whole(minimum=1, maximum=MAX_STEPS),
        description="How many denoising steps are made. More steps take longer.",
    ),
    offered=_steps,
    help="How many denoising steps are made. Give this or a quality.",
    is_left_open=True,
    operator=lambda terms: terms.steps,
    mark=lambda steps: f"steps{steps:g}",
)
GUIDANCE_SCALE = Declaration(
    parameter=Parameter(
        name="guidance_scale",
        kind=Number(minimum=0, maximum=MAX_GUIDANCE_SCALE),
        description="How closely the picture follows the prompt. A higher number is closer.",
    ),
    offered=_guidance,
    help="How closely the picture follows the prompt.",
    is_left_open=True,
    operator=lambda terms: terms.guidance_scale,
    mark=lambda scale: f"guidance{scale:g}",
    passes=lambda scale: f"{scale:g}",
)

STEERING = (QUALITY, STEPS, GUIDANCE_SCALE)
"""In the order in which they are documented. A parameter that is added here is a parameter everywhere."""
