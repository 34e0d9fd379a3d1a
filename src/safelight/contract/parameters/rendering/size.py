"""Width and height, by size or by aspect ratio (CONTRACT 1.1)."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.declaration import Declaration, always
from safelight.contract.values.kinds import AUTO, Choice, FreeSize
from safelight.contract.values.sizes import (
    ASPECT_RATIOS,
    DEFAULT_ASPECT_RATIO,
    DEFAULT_SIZE,
    SIZE_OF_ASPECT_RATIO,
    SIZES,
    Size,
)

# Sides of free sizes where the operator sets no bound. A model in pixels is trained near its own size and costs time
# and memory with the square of it: twice its size, and at least what the nine sizes need. A drawing is as good at any.
_LEAST_SIDE = 64
_MOST_SIDE = 2048
_MOST_SIDE_VECTOR = 4096

_RATIO_OF_SIZE = {size: ratio for ratio, size in SIZE_OF_ASPECT_RATIO.items()}


def _free(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter:
    """The nine sizes, or under a model's own id any in its bounds."""
    if terms.contract == "strict" or traits is None:
        return parameter
    multiple, own = traits.side_multiple, str(Size(traits.width, traits.height))
    most = _MOST_SIDE_VECTOR if traits.vector else max(_MOST_SIDE, 2 * traits.width, 2 * traits.height)
    most = (terms.max_side or most) // multiple * multiple
    least = min(math.ceil(_LEAST_SIDE / multiple) * multiple, most)
    listed = tuple(s for s in SIZES if all(side % multiple == 0 for side in Size.parse(s)))
    words = f"sides from {least} to {most}" + (f" in multiples of {multiple}" if multiple > 1 else "")
    return msgspec.structs.replace(
        parameter,
        kind=FreeSize(values=listed, minimum=least, maximum=most, multiple_of=multiple, own=own),
        default=own,
        description=f"WIDTHxHEIGHT in pixels: a size of the list, or {words}. auto is the default size.",
    )


def _as_the_picture(parameter: Parameter, call: Call) -> Parameter:
    """For edits: what is not said is the first picture's."""
    if not isinstance(parameter.kind, FreeSize):
        return parameter
    words = parameter.description.removesuffix("auto is the default size.")
    return msgspec.structs.replace(
        parameter,
        default=AUTO,
        description=f"{words}auto is the first picture's size, as near as the model comes to it.",
    )


ASPECT_RATIO = Declaration(
    parameter=Parameter(
        name="aspect_ratio",
        kind=Choice(values=ASPECT_RATIOS),
        default=DEFAULT_ASPECT_RATIO,
        description="Width to height. Each ratio has one size. Send the ratio or the size, or both if they agree.",
    ),
    part="request",
    offered=always,
    help="The shape, for example 16:9. `safelight models` shows all.",
)
SIZE = Declaration(
    parameter=Parameter(
        name="size", kind=Choice(values=SIZES), default=DEFAULT_SIZE, description="Width and height in pixels."
    ),
    part="request",
    offered=_free,
    help="The size, for example 1344x768. Give this or the shape.",
    edited=_as_the_picture,
)


def size_in(given: Mapping[str, Any], own: str) -> Size:
    """What was asked for: size or aspect ratio decides, and both must agree; else the model's `own` size.

    Raises:
        InvalidRequest: they do not agree.
    """
    ratio, size = given.get(ASPECT_RATIO.name), given.get(SIZE.name)
    if size == AUTO:
        size = None
    if ratio is None:
        return Size.parse(size or own)
    fitting = SIZE_OF_ASPECT_RATIO[ratio]
    if size is not None and size != fitting:
        raise InvalidRequest(
            f"`size` {size} does not have the aspect ratio {ratio}. The size that fits is {fitting}: "
            "send that, or only one of the two.",
            param=SIZE.name,
        )
    return Size.parse(fitting)


def nearest_size(picture: Size, sides: range) -> Size | None:
    """The size with such sides that is nearest to a picture's: each side to the nearest multiple, halves up. If one is
    then out of bounds, both are scaled by the least factor that brings them within. None: no size has that shape.
    """
    factor = Fraction(1)
    rounded = _rounded(picture, factor, sides.step)
    most, least = sides[-1], sides[0]
    if max(rounded) > most:
        factor = Fraction(most, max(picture))
    elif min(rounded) < least:
        factor = Fraction(least, min(picture))
    size = _rounded(picture, factor, sides.step)
    return size if all(side in sides for side in size) else None


def _rounded(picture: Size, factor: Fraction, multiple: int) -> Size:
    half = Fraction(1, 2)
    return Size(*(math.floor(side * factor / multiple + half) * multiple for side in picture))


def fitted_size(given: Mapping[str, Any], picture: Size, kind: FreeSize) -> Size:
    """What an edit of that picture asks for: as `size_in`, and where nobody says, the picture's own size within bounds.

    Raises:
        InvalidRequest: size and aspect ratio do not agree, or no size has the picture's shape.
    """
    said = given.get(SIZE.name) not in (None, AUTO) or given.get(ASPECT_RATIO.name) is not None
    if said:
        return size_in(given, "")
    found = nearest_size(picture, kind.sides)
    if found is None:
        bounds = f"sides from {kind.sides[0]} to {kind.sides[-1]}"
        raise InvalidRequest(
            f"The picture has {picture} pixels, and no size with {bounds} has that shape. Say a `size`; the picture is "
            "then cut to its shape.",
            param=SIZE.name,
        )
    return found


def fields_of_size(size: Size) -> dict[str, str]:
    """The fields that ask for that size: `size`, and `aspect_ratio` where it is one of the nine."""
    ratio = _RATIO_OF_SIZE.get(str(size))
    return {SIZE.name: str(size)} | ({} if ratio is None else {ASPECT_RATIO.name: ratio})


def agreeing_schema(ratios: tuple[str, ...]) -> dict[str, Any]:
    """JSON Schema of what `size_in` takes: a ratio that is given leaves one size, or none given."""
    given = {"properties": {"aspect_ratio": {"type": "string"}}, "required": ["aspect_ratio"]}
    pairs = [
        {"properties": {"aspect_ratio": {"const": ratio}, "size": {"enum": [SIZE_OF_ASPECT_RATIO[ratio], AUTO, None]}}}
        for ratio in ratios
    ]
    return {"if": given, "then": {"anyOf": pairs}}
