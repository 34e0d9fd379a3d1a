"""`/v1/groups`: what the keys of a group may use together, for admin keys alone."""

# Tested in tests/api/test_keys.py.

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Route
from safelight.api.routes.access.key_answer import KeyQuotas
from safelight.api.routes.access.key_terms import QUOTAS_BODY, admin_of, admin_operation, by, fields_of
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.values.wording import quoted_name, wrong
from safelight.service.ports.stores.keys import GroupRecord


class Group(Answer, frozen=True, kw_only=True):
    """A group of keys, and what they may use together."""

    object: Literal["group"] = "group"
    name: str
    quotas: KeyQuotas


class GroupList(Answer, frozen=True, kw_only=True):
    """Every group that was set, by name."""

    object: Literal["list"] = "list"
    data: list[Group]


async def list_groups(request: Request) -> Response:
    """`GET /v1/groups`."""
    services: Services = request.app.state.services
    await admin_of(request)
    groups = await services.keys.administration.groups()
    return JsonResponse(GroupList(data=[_group(group) for group in groups]))


async def change_group(request: Request) -> Response:
    """`PATCH /v1/groups/{group}`: makes the group, or changes the quotas that are named."""
    services: Services = request.app.state.services
    admin = await admin_of(request)
    fields = await fields_of(request)
    for name in fields:
        if name != "quotas":
            raise InvalidRequest("A group has `quotas` alone.", code="unknown_parameter", param=quoted_name(name))
    quotas = fields.get("quotas", {})
    if not isinstance(quotas, dict):
        raise wrong("quotas", "an object of quotas", quotas)
    name = str(request.path_params["group"])
    return JsonResponse(_group(await services.keys.administration.set_group(name, quotas, by(admin))))


async def remove_group(request: Request) -> Response:
    """`DELETE /v1/groups/{group}`: its keys stay."""
    services: Services = request.app.state.services
    admin = await admin_of(request)
    name = str(request.path_params["group"])
    await services.keys.administration.remove_group(name, by(admin))
    return JsonResponse(Group(name=name, quotas={}))


def _group(group: GroupRecord) -> Group:
    return Group(name=group.name, quotas=group.quotas)


ROUTES = (
    Route("/v1/groups", "GET", list_groups, admin_operation("listGroups", "Every group of keys.", GroupList)),
    Route(
        "/v1/groups/{group}",
        "PATCH",
        change_group,
        admin_operation(
            "changeGroup",
            "Set what the keys of a group may use together.",
            Group,
            "group",
            body={"type": "object", "properties": {"quotas": QUOTAS_BODY}, "additionalProperties": False},
        ),
    ),
    Route(
        "/v1/groups/{group}",
        "DELETE",
        remove_group,
        admin_operation("removeGroup", "Let a group's quotas go.", Group, "group", errors=(415,)),
    ),
)
