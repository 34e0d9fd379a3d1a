"""Halves of surrogate pairs in a JSON body: JSON can write them, and no text that may be encoded holds them."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from safelight.contract.errors import InvalidRequest

_HALF = re.compile("[\ud800-\udfff]")


def refuse_half_pair(body: bytes) -> None:
    """Say so if what keeps a body from being read is half of a surrogate pair (RFC 8259, 8.2); else nothing happens.

    Raises:
        InvalidRequest: it is; `param` is the field, None where it is in a field's name.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    for name, content in value.items():
        if _HALF.search(name):
            raise InvalidRequest("A name in the body holds half of a surrogate pair (\\ud800 to \\udfff). Remove it.")
        place = _place(content)
        if place is not None:
            raise half_pair(name, place)


def half_pair(name: str, place: int) -> InvalidRequest:
    """`place` counts characters from 1."""
    return InvalidRequest(
        f"`{name[:64]}` holds half of a surrogate pair (\\ud800 to \\udfff) as character {place}. Send the whole pair, "
        "or the character itself in UTF-8.",
        param=name[:64],
    )


def half_pair_in(text: str) -> int | None:
    """Where one is, counted from 1."""
    found = _HALF.search(text)
    return None if found is None else found.start() + 1


def _place(value: Any) -> int | None:
    if isinstance(value, str):
        return half_pair_in(value)
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((place for place in map(_place, inner) if place is not None), None)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
