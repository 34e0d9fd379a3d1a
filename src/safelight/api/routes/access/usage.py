"""`GET /v1/usage`: what a key has used, and how its quotas stand."""

# Tested in tests/api/test_quotas.py.

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from typing import Annotated, Literal

from msgspec import Meta
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Operation, Route, Schema, json_answer
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.records.quotas import day_of
from safelight.service.access.quotas import QuotaState
from safelight.service.ports.stores.quotas import UsageRow

_USUAL = timedelta(days=30)
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class UsedQuota(Answer, frozen=True, kw_only=True):
    """How a quota stands."""

    name: Annotated[str, Meta(description="The measure and the period, like pictures_per_day.")]
    group: Annotated[str | None, Meta(description="The group whose keys share it; null: the key's own.")]
    limit: float
    used: float
    reserved: Annotated[float, Meta(description="Of what is under way.")]
    resets_at: Annotated[int, Meta(description="When the day or month of UTC ends, in Unix seconds.")]


class UsedModel(Answer, frozen=True, kw_only=True):
    """What was used of a model on one day of UTC."""

    day: Annotated[str, Meta(description="Like 2026-11-27.")]
    model: str
    calls: Annotated[int, Meta(description="Pictures and calls for texts, however they ended.")]
    pictures: Annotated[int, Meta(description="Finished ones.")]
    megapixels: float
    seconds: Annotated[float, Meta(description="In which a device worked.")]
    tokens: Annotated[int, Meta(description="Of texts: embeddings and chat.")]


class Used(Answer, frozen=True, kw_only=True):
    """What a key has used."""

    object: Literal["usage"] = "usage"
    key_id: str
    quotas: list[UsedQuota]
    data: list[UsedModel]


async def usage(request: Request) -> Response:
    """What the key of the request has used, and how its quotas stand."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    first, last = days_asked_for(request.query_params)
    rows = await services.usage.usage(first, last, principal.key_id)
    quotas = [shown_quota(state) for state in await services.quotas.standing(principal)]
    data = [_shown(row) for row in rows]
    return JsonResponse(Used(key_id=principal.key_id, quotas=quotas, data=data))


def shown_quota(state: QuotaState) -> UsedQuota:
    """How a quota stands, as answers say it."""
    return UsedQuota(
        name=state.quota.name,
        group=state.quota.group,
        limit=state.quota.most,
        used=round(state.used, 3),
        reserved=round(state.reserved, 3),
        resets_at=int(state.resets),
    )


def _shown(row: UsageRow) -> UsedModel:
    return UsedModel(
        day=row.day,
        model=row.model,
        calls=row.calls,
        pictures=row.pictures,
        megapixels=round(row.megapixels, 3),
        seconds=round(row.seconds, 3),
        tokens=row.tokens,
    )


def days_asked_for(query: QueryParams) -> tuple[str, str]:
    """The first and the last day that a query names; by default the last 31 days.

    Raises:
        InvalidRequest: they are no days, or something else is named.
    """
    given = [name for name, _ in query.multi_items()]
    for name in given:
        if name not in ("from", "to") or given.count(name) > 1:
            raise InvalidRequest("The query takes `from` and `to`, each once.", code="unknown_parameter", param=name)
    last = _day(query, "to") or date.fromisoformat(day_of(time.time()))
    first = _day(query, "from") or max(date.min + _USUAL, last) - _USUAL
    return first.isoformat(), last.isoformat()


def _day(query: QueryParams, name: str) -> date | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        if not _WRITTEN.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"`{name}` takes a day of UTC, like 2026-11-27.", param=name) from None


def _parameter(name: str, what: str) -> Schema:
    return {"name": name, "in": "query", "description": what, "schema": {"type": "string", "format": "date"}}


DAYS: tuple[Schema, ...] = (
    _parameter("from", "The first day of UTC. Default: 30 days before `to`."),
    _parameter("to", "The last day of UTC. Default: today."),
)

ROUTES = (
    Route(
        "/v1/usage",
        "GET",
        usage,
        Operation(
            name="getUsage",
            summary="What the key has used, and how its quotas stand.",
            parameters=DAYS,
            answers=json_answer("By day and model, oldest first.", Used),
            errors=(400, 503),
        ),
    ),
)
