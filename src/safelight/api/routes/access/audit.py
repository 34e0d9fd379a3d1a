"""`GET /v1/audit`: who changed what, for admin keys alone."""

# Tested in tests/api/test_keys.py.

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Operation, Route, Schema, json_answer
from safelight.api.routes.access.key_terms import admin_of
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest

_MOST = 200
_USUAL = 50
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Change(Answer, frozen=True, kw_only=True):
    """One change."""

    number: int
    time: Annotated[float, Meta(description="Unix seconds.")]
    who: Annotated[str, Meta(description="cli: and a user of the system, key: and an id, or server.")]
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Changes(Answer, frozen=True, kw_only=True):
    """Changes, newest first."""

    object: Literal["list"] = "list"
    data: list[Change]
    has_more: bool


async def list_changes(request: Request) -> Response:
    """`GET /v1/audit`, page by page."""
    services: Services = request.app.state.services
    await admin_of(request)
    limit, before = _number(request.query_params, "limit") or _USUAL, _number(request.query_params, "before")
    if limit > _MOST:
        raise InvalidRequest(f"`limit` is at most {_MOST}.", param="limit")
    entries = await services.audit.entries(limit + 1, before)
    data = [
        Change(
            number=entry.number,
            time=entry.time,
            who=entry.who,
            action=entry.action,
            subject=entry.subject,
            before=None if entry.before is None else dict(entry.before),
            after=None if entry.after is None else dict(entry.after),
        )
        for entry in entries[:limit]
    ]
    return JsonResponse(Changes(data=data, has_more=len(entries) > limit))


def _number(query: QueryParams, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(f"`{name}` takes a whole number above 0.", param=name)
    return int(text)


def _parameter(name: str, what: str, most: int) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return {"name": name, "in": "query", "description": what, "schema": schema}


ROUTES = (
    Route(
        "/v1/audit",
        "GET",
        list_changes,
        Operation(
            name="listChanges",
            summary="Who changed what of keys, groups, quotas, sessions and places. For admin keys.",
            parameters=(
                _parameter("limit", f"Changes a page. Default: {_USUAL}.", _MOST),
                _parameter("before", "Those with a number below this one.", 10**15),
            ),
            answers=json_answer("Newest first.", Changes),
            errors=(400, 403, 503),
        ),
    ),
)
