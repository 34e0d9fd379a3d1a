"""The file that a picture becomes."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import msgspec

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declaration import Declaration, in_open_contract
from safelight.contract.values.kinds import Choice, Whole
from safelight.contract.values.rules import OnlyFor

COMPRESSED_FORMATS = ("jpeg", "webp")


def _formats(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter:
    """Two formats, or under a model's own id all that it can be had in."""
    if terms.contract == "strict":
        return parameter
    vectors = ("svg",) if traits is not None and traits.vector else ()
    return msgspec.structs.replace(parameter, kind=Choice(values=("jpeg", "png", "webp", *vectors)))


OUTPUT_FORMAT = Declaration(
    parameter=Parameter(
        name="output_format", kind=Choice(values=("jpeg", "png")), default="png", description="The file format."
    ),
    part="file",
    offered=_formats,
    help="The format, for example jpeg. Default: as the file's name says, else png.",
)
OUTPUT_COMPRESSION = Declaration(
    parameter=Parameter(
        name="output_compression",
        kind=Whole(minimum=0, maximum=100),
        description="The quality of a JPEG or WebP file. 100 is the best, and lossless for WebP. The default is 90. "
        "Other formats take 100 only.",
    ),
    part="file",
    offered=in_open_contract,
    rules=(
        OnlyFor(
            parameter="output_compression",
            other="output_format",
            values=COMPRESSED_FORMATS,
            why="loses nothing and takes 100 alone.",
            idle=(100,),
        ),
    ),
    help="The quality of a JPEG or WebP file, 0 to 100.",
    is_left_open=True,
)
