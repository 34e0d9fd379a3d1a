"""How a value that came, or a name, may stand in a message: short ones whole, long ones by their type."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import msgspec

from safelight.contract.errors import InvalidRequest

_TYPES = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def wrong(name: str, allowed: str, value: object) -> InvalidRequest:
    """A value of another kind or beyond the bounds. `allowed` says in words what is taken."""
    return InvalidRequest(f"`{name}` must be {allowed}; got {shown(value)}.", param=name)


def missing(name: str) -> InvalidRequest:
    """A required parameter is not there."""
    return InvalidRequest(f"`{name}` is required.", code="missing_required_parameter", param=name)


def json_type(value: object) -> str:
    """The type of a JSON value, with its article. What no JSON holds is a file of a form."""
    return "null" if value is None else _TYPES.get(type(value), "a file")


def shown(value: object) -> str:
    """A value as it may stand in a message (a prompt never shows)."""
    if value is not None and not isinstance(value, str | int | float):
        return json_type(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number beyond 64 bits"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{json_type(value)} of {len(text)} characters"


def quoted_name(name: str) -> str:
    """A parameter's name as a caller wrote it, fit for a message and a header."""
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return printable if len(printable) <= 64 else printable[:61] + "..."
