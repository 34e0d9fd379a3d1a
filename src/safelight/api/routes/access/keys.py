"""`/v1/keys`: making, changing and ending keys, for admin keys alone."""

# Tested in tests/api/test_keys.py.

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import BODY_ERRORS, Operation, Route, Said
from safelight.api.routes.access.key_answer import Key, KeyList, NewKey, shown_keys
from safelight.api.routes.access.key_terms import TERMS_BODY, admin_of, admin_operation, by, fields_of, read_terms
from safelight.api.services import Services
from safelight.service.access.administration import merged
from safelight.service.ports.stores.keys import KeyRecord, KeyTerms


async def list_keys(request: Request) -> Response:
    """`GET /v1/keys`."""
    services: Services = request.app.state.services
    await admin_of(request)
    return JsonResponse(KeyList(data=await shown_keys(services, await services.keys.administration.keys())))


async def create_key(request: Request) -> Response:
    """`POST /v1/keys`: its text is in this answer and in no other."""
    services: Services = request.app.state.services
    admin = await admin_of(request)
    changes = read_terms(await fields_of(request), services)
    changes["quotas"] = merged({}, changes.get("quotas", {}))
    minted = await services.keys.administration.create(KeyTerms(**changes), by(admin))
    (made,) = await shown_keys(services, [minted.record])
    return JsonResponse(NewKey(key=minted.text, made=made), 201, {"cache-control": "no-store"})


async def get_key(request: Request) -> Response:
    """`GET /v1/keys/{key_id}`."""
    services: Services = request.app.state.services
    await admin_of(request)
    return await _one(services, await services.keys.administration.key(_id(request)))


async def change_key(request: Request) -> Response:
    """`PATCH /v1/keys/{key_id}`: what is not named stays."""
    services: Services = request.app.state.services
    admin = await admin_of(request)
    changes = read_terms(await fields_of(request), services)
    return await _one(services, await services.keys.administration.change(_id(request), changes, by(admin)))


async def revoke_key(request: Request) -> Response:
    """`DELETE /v1/keys/{key_id}`: ends it for good; it stays in the list."""
    services: Services = request.app.state.services
    admin = await admin_of(request)
    return await _one(services, await services.keys.administration.revoke(_id(request), by(admin)))


async def _one(services: Services, record: KeyRecord) -> Response:
    (shown,) = await shown_keys(services, [record])
    return JsonResponse(shown)


def _id(request: Request) -> str:
    return str(request.path_params["key_id"])


ROUTES = (
    Route("/v1/keys", "GET", list_keys, admin_operation("listKeys", "Every key.", KeyList)),
    Route(
        "/v1/keys",
        "POST",
        create_key,
        Operation(
            name="createKey",
            summary="Make a key. For admin keys.",
            body=TERMS_BODY,
            answers={201: Said("The key, shown this once.", {"application/json": NewKey})},
            errors=(403, 503, *BODY_ERRORS),
        ),
    ),
    Route("/v1/keys/{key_id}", "GET", get_key, admin_operation("getKey", "One key.", Key, "key_id")),
    Route(
        "/v1/keys/{key_id}",
        "PATCH",
        change_key,
        admin_operation("changeKey", "Change what a key may do.", Key, "key_id", body=TERMS_BODY),
    ),
    Route(
        "/v1/keys/{key_id}",
        "DELETE",
        revoke_key,
        admin_operation("revokeKey", "End a key for good.", Key, "key_id", errors=(415,)),
    ),
)
