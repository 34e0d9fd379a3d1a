"""The JSON object in a request's body."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

import codecs
from typing import Any

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.values.surrogates import refuse_half_pair
from safelight.contract.values.wording import json_type


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body (RFC 8259: NaN and Infinity are not JSON; the last of duplicate keys wins).

    Raises:
        InvalidRequest: `invalid_json`.
    """
    try:
        value = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8))
    except RecursionError:
        raise _invalid_json("The body is nested too deeply. Send one flat JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        refuse_half_pair(body.removeprefix(codecs.BOM_UTF8))
        if not body.strip():
            raise _invalid_json("The body is empty. Send a JSON object with at least `model` and `prompt`.") from None
        raise _invalid_json("The body is not valid JSON (in UTF-8). Send one JSON object.") from None
    if not isinstance(value, dict):
        raise _invalid_json(f"The body must be a JSON object, not {json_type(value)}.")
    return value


def _invalid_json(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_json")
