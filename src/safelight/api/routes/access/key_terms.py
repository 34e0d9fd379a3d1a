"""What a body may say of a key, and who may say it."""

# Tested in tests/api/test_keys.py.

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Operation, Schema, json_answer
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.records.quotas import QUOTA_NAMES
from safelight.contract.values.json_object import read_object
from safelight.contract.values.wording import quoted_name, wrong
from safelight.service.access.administration import check_models
from safelight.service.access.keys import Principal

_AMOUNT: Schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1e12}, {"type": "null"}, {"const": "default"}]}
QUOTAS_BODY: Schema = {
    "type": "object",
    "description": "Those that are named; null: no bound, default: as the settings say.",
    "propertyNames": {"enum": list(QUOTA_NAMES)},
    "additionalProperties": _AMOUNT,
}
TERMS_BODY: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 100},
        "models": {"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]},
        "weight": {"type": "number", "minimum": 0.01, "maximum": 100},
        "admin": {"type": "boolean"},
        "rate_limit": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 1_000_000}, {"type": "null"}]},
        "group": {"anyOf": [{"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}, {"type": "null"}]},
        "quotas": QUOTAS_BODY,
    },
    "additionalProperties": False,
}


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    """What a body may say of a key."""

    name: str | UnsetType = UNSET
    models: list[str] | UnsetType | None = UNSET
    weight: float | UnsetType = UNSET
    admin: bool | UnsetType = UNSET
    rate_limit: int | UnsetType | None = UNSET
    group: str | UnsetType | None = UNSET
    quotas: dict[str, Any] | UnsetType = UNSET


_KINDS = {
    "name": "a string",
    "models": "an array of ids of models, or null for every model",
    "weight": "a number",
    "admin": "a boolean",
    "rate_limit": "an integer, or null",
    "group": "a string, or null",
    "quotas": "an object of quotas",
}


async def admin_of(request: Request) -> Principal:
    """The caller, who may change keys.

    Raises:
        NotAllowed: the key is no admin key.
    """
    principal = await authenticate(request)
    principal.check_admin()
    return principal


def read_terms(fields: dict[str, Any], services: Services) -> dict[str, Any]:
    """What a body says of a key, by name.

    Raises:
        InvalidRequest: a name or a value is not one.
    """
    for name in fields:
        if name not in _KINDS:
            named = quoted_name(name)
            known = ", ".join(_KINDS)
            raise InvalidRequest(f"A key has no `{named}`. It has: {known}.", code="unknown_parameter", param=named)
    for name, value in fields.items():
        try:
            msgspec.convert({name: value}, _Said)
        except msgspec.ValidationError:
            raise wrong(name, _KINDS[name], value) from None
    terms = dict(fields)
    if terms.get("models") is not None:
        offered = {name: entry.id for entry in services.catalogue for name in (entry.id, *entry.aliases)}
        offered |= {entry.id: entry.id for entry in services.embeddings} | {name: name for name, _ in services.chat}
        terms["models"] = check_models(terms["models"], offered)
    return terms


async def fields_of(request: Request) -> dict[str, Any]:
    """The JSON object of a body."""
    settings = request.app.state.services.settings
    body = await read_body(request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds)
    return read_object(body)


def by(admin: Principal) -> str:
    """How the log of changes names an admin key."""
    return f"key:{admin.key_id}"


def admin_operation(
    name: str, summary: str, answer: Any, path: str = "", *, body: Schema | None = None, errors: tuple[int, ...] = ()
) -> Operation:
    """An operation for admin keys. `path` names what its path tells, if it does: that may not be there."""
    return Operation(
        name=name,
        summary=f"{summary} For admin keys.",
        body=body,
        answers=json_answer("What it is then.", answer),
        errors=(403, 503, *errors, *((404,) if path else ()), *(BODY_ERRORS if body else ())),
    )
