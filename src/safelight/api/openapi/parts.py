"""What the OpenAPI document's operations are put together from."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ERROR: Schema = {"$ref": "#/components/schemas/Error"}
KEY: list[dict[str, list[str]]] = [{"key": []}]
REQUEST_ID: Schema = {
    "x-request-id": {"description": "Names this request in the server's log.", "schema": {"type": "string"}}
}
_RETRY_AFTER: Schema = {
    "retry-after": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1, "maximum": 120}}
}
_REASONS = {
    "400": "The request is not valid; `code` and `param` say why.",
    "401": "The key is missing, malformed, unknown or revoked.",
    "403": "The key may not use this model.",
    "404": "There is no such thing.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "415": "The media type is not read.",
    "429": "The key's requests per minute are used up.",
    "500": "Something broke inside the server.",
    "503": "Overloaded, loading or shutting down.",
}


def read_operation(name: str, summary: str, schema: str, *, key: bool = False, more: tuple[str, ...] = ()) -> Schema:
    """A GET that answers with that schema; `more` are statuses beside 200, 401 and 500."""
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {
                "description": summary,
                "headers": REQUEST_ID,
                "content": {"application/json": {"schema": ref(schema)}},
            },
            **errors(*(("401",) if key else ()), *more, "500"),
        },
    }
    if key:
        operation["security"] = KEY
    return operation


def errors(*statuses: str) -> Schema:
    """The answers of these statuses."""
    return {
        status: {
            "description": _REASONS[status],
            "headers": REQUEST_ID | (_RETRY_AFTER if status in ("429", "503") else {}),
            "content": {"application/json": {"schema": _ERROR}},
        }
        for status in statuses
    }


def exact_object(properties: Schema) -> Schema:
    """An object with all of these properties and no other."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}
