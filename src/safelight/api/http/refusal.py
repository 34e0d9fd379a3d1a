"""An answer that is written without the application: to what is no request that it could read."""

# Tested in tests/api/test_protocol.py.

from __future__ import annotations

import secrets
from http import HTTPStatus

import orjson

from safelight.api.http.headers import EVERYWHERE
from safelight.contract.errors import ApiError


def written_out(error: ApiError) -> tuple[str, bytes]:
    """The id of a request and its whole answer, after which the connection is closed."""
    request_id, body = f"req_{secrets.token_hex(12)}", orjson.dumps(error.body())
    fields = {"content-type": "application/json", "connection": "close", "x-request-id": request_id}
    fields |= error.headers | EVERYWHERE | {"content-length": str(len(body))}
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}", *(f"{k}: {v}" for k, v in fields.items())]
    return request_id, "\r\n".join([*lines, "\r\n"]).encode() + body
