"""Pictures that ControlNets of the operator's follow, by the names that the operator gave them."""

# Tested in tests/contract/test_control.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.values.kinds import Number
from safelight.contract.values.pictures import NamedPictures
from safelight.contract.values.rules import Needs

MOST_CONTROL_STRENGTH = 2.0


def _those_there_are(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Under a model's own id those that the operator has for it."""
    if terms.contract == "strict" or traits is None or not traits.controls:
        return None
    edits = traits.edits is not None and traits.edits.controls
    most = len(traits.controls) if traits.controls_together else 1
    return msgspec.structs.replace(parameter, kind=NamedPictures(names=traits.controls, most=most, in_edits=edits))


def _where_it_goes_with_pictures(parameter: Parameter, call: Call) -> Parameter | None:
    kind = parameter.kind
    if not isinstance(kind, NamedPictures) or not kind.in_edits:
        return None
    return msgspec.structs.replace(parameter, kind=msgspec.structs.replace(kind, by_form=call == "edit by form"))


def _where_there_are_any(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    return parameter if _those_there_are(CONTROL.parameter, terms, traits) is not None else None


CONTROL = Declaration(
    parameter=Parameter(
        name="control",
        kind=NamedPictures(names=(), most=1),
        description="Pictures that the drawing follows, by the name of a ControlNet: maps as its authors mean them "
        "(edges, depth, poses), drawn from as they are.",
        in_form=False,
    ),
    part="request",
    offered=_those_there_are,
    edited=_where_it_goes_with_pictures,
    help="A map that a ControlNet follows, as NAME=FILE. Give it once for each.",
)
CONTROL_STRENGTH = Declaration(
    parameter=Parameter(
        name="control_strength",
        kind=Number(minimum=0, maximum=MOST_CONTROL_STRENGTH),
        description="How closely the drawing follows `control`. With 0 it is drawn from words alone.",
        in_form=False,
    ),
    offered=_where_there_are_any,
    rules=(Needs(parameter="control_strength", other="control", idle=(None,)),),
    help="How closely the drawing follows the maps, 0 to 2.",
    is_left_open=True,
)

CONTROLS = (CONTROL, CONTROL_STRENGTH)
