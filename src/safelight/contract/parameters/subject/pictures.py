"""The pictures that an edit begins with, and how much of them is drawn anew (CONTRACT 8)."""

# Tested in tests/contract/test_edit_request.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import EditTraits, Traits
from safelight.contract.parameters.calls import EDITS, Call
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.values.kinds import Number
from safelight.contract.values.pictures import MOST_PICTURES, Picture, Pictures


def _edits(terms: OperatorTerms, traits: Traits | None) -> EditTraits | None:
    """What the model takes of pictures under these terms: nothing in the strict contract."""
    return None if traits is None or terms.contract == "strict" else traits.edits


def _as_many(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """As many pictures as the model takes."""
    edits = _edits(terms, traits)
    if edits is None or not isinstance(parameter.kind, Pictures):
        return None
    kind = msgspec.structs.replace(parameter.kind, minimum=edits.minimum, maximum=min(MOST_PICTURES, edits.maximum))
    return msgspec.structs.replace(parameter, kind=kind)


def _where_masked(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    edits = _edits(terms, traits)
    return parameter if edits is not None and edits.mask else None


def _where_begun_with(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    edits = _edits(terms, traits)
    return parameter if edits is not None and edits.strength else None


def _as_written(parameter: Parameter, call: Call) -> Parameter:
    return msgspec.structs.replace(parameter, kind=Picture(by_form=call == "edit by form"))


IMAGE = Declaration(
    parameter=Parameter(
        name="image",
        kind=Pictures(minimum=1, maximum=MOST_PICTURES, by_form=True),
        required=True,
        description="The pictures to work from: PNG, JPEG or WebP by their content. Send the field once for each.",
        in_form=False,
    ),
    part="request",
    offered=_as_many,
    calls=("edit by form",),
    help="A picture to work from. Give it once for each picture.",
)
IMAGES = Declaration(
    parameter=Parameter(
        name="images",
        kind=Pictures(minimum=1, maximum=MOST_PICTURES),
        required=True,
        description="The pictures to work from, each with its content as a data: address. Nothing is fetched.",
        in_form=False,
    ),
    part="request",
    offered=_as_many,
    calls=("edit",),
)
MASK = Declaration(
    parameter=Parameter(
        name="mask",
        kind=Picture(),
        description="Where the first picture is drawn anew, in its size: the transparent parts, or without an alpha "
        "channel the white ones.",
        in_form=False,
    ),
    part="request",
    offered=_where_masked,
    calls=EDITS,
    edited=_as_written,
    help="Where the first picture is drawn anew: a file in its size.",
)
STRENGTH = Declaration(
    parameter=Parameter(
        name="strength",
        kind=Number(minimum=0, maximum=1),
        description="How much of the picture is drawn anew. With 0 it is kept, with 1 it is replaced.",
    ),
    offered=_where_begun_with,
    calls=EDITS,
    help="How much of the picture is drawn anew, 0 to 1.",
    is_left_open=True,
)

EDITING = (IMAGE, IMAGES, MASK, STRENGTH)
