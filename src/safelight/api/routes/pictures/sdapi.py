"""`/sdapi/v1/…`: as Open WebUI, SillyTavern and others call AUTOMATIC1111's web UI (the setting `sdapi`).

A part of no document: the interface is theirs, and this is as much of it as they use to draw.
"""

# Tested in tests/api/test_sdapi.py.

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate, by_key
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import may_be_left, unless_left
from safelight.api.exchange.operations import Endpoint, Route
from safelight.api.exchange.under_way import UnderWay, Work
from safelight.api.routes.pictures.sdapi_payloads import SAMPLER, answer, fields_of
from safelight.api.services import Services
from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import AuthenticationFailed, NotFound
from safelight.contract.parameters.calls import Call
from safelight.contract.values.json_object import read_object
from safelight.contract.values.wording import wrong
from safelight.protocol.peers.under_way import WorkTold
from safelight.service.access.keys import Principal
from safelight.service.drawing.drawing import Picture
from safelight.service.entrance import Admitted

_BASIC = "basic "
Handling = Callable[[Request, Services, Principal], Awaitable[Response]]


async def _principal(request: Request) -> Principal:
    """Whose key it is: as everywhere, or as the password of Basic (RFC 7617), with any user name or none."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_BASIC):
        return await authenticate(request)
    try:
        said = base64.b64decode(header[len(_BASIC) :].strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AuthenticationFailed("The Authorization header is not as Basic has it (RFC 7617).") from None
    user, colon, password = said.partition(":")
    principal = await by_key(request, password if colon else user)
    request.scope["safelight.key_id"] = principal.key_id
    return principal


def _served(handling: Handling) -> Endpoint:
    """An endpoint that is there where the operator wants it, for holders of a key."""

    @may_be_left
    async def endpoint(request: Request) -> Response:
        services: Services = request.app.state.services
        principal = await _principal(request)
        if not services.settings.sdapi:
            raise NotFound("AUTOMATIC1111's interface is not served here. Its operator can: the setting `sdapi`.")
        return await handling(request, services, principal)

    return endpoint


async def _chosen(services: Services, principal: Principal, named: object = None) -> ModelEntry:
    """The model that a request names, else the one that its key has chosen, else the first that takes free sizes."""
    name = named if named not in (None, "") else await services.model_choices.of(principal.key_id)
    if isinstance(name, str) and (named not in (None, "") or services.catalogue.get(name) is not None):
        return services.catalogue.find(name)
    if name is not None and not isinstance(name, str):
        raise wrong("sd_model_checkpoint", "the title of a model", name)
    models = _usable(services, principal) or list(services.catalogue)
    return next((each for each in models if each.terms.contract == "open"), models[0])


def _usable(services: Services, principal: Principal) -> list[ModelEntry]:
    return [each for each in services.catalogue if principal.models is None or each.id in principal.models]


def _draws(call: Call) -> Handling:
    async def draw(request: Request, services: Services, principal: Principal) -> Response:
        settings = services.settings
        most = settings.max_body_bytes if call == "generate" else settings.max_upload_bytes
        body = await read_body(request, max_bytes=most, timeout_seconds=settings.body_timeout_seconds)
        payload = await asyncio.to_thread(read_object, body)
        overridden = payload.get("override_settings")
        named = overridden.get("sd_model_checkpoint") if isinstance(overridden, dict) else None
        model = await _chosen(services, principal, named)
        await services.generate.readiness.described(model)
        fields = fields_of(payload, await _chosen(services, principal, model.id), call)
        request_id, trace = (request.scope[f"safelight.{name}"] for name in ("request_id", "trace"))
        entering = services.entrance.admit(principal, fields, request_id, call, trace=trace)
        admitted = await unless_left(request, entering)
        try:
            pictures = await unless_left(request, _pictures(request, services, admitted))
        finally:
            await services.entrance.leave(admitted)
        return Response(answer(payload, admitted.request, pictures), media_type="application/json")

    return draw


async def _pictures(request: Request, services: Services, admitted: Admitted) -> tuple[Picture, ...]:
    """The pictures; none, where somebody interrupts it."""
    under_way: UnderWay = request.app.state.under_way
    with under_way.one_more(admitted.caller.key_id) as work:
        drawing = asyncio.ensure_future(_drawn(services, admitted, work))
        stopping = asyncio.ensure_future(work.stopped.wait())
        try:
            await asyncio.wait((drawing, stopping), return_when=asyncio.FIRST_COMPLETED)
            return drawing.result() if drawing.done() else ()
        finally:
            for task in (drawing, stopping):
                task.cancel()
            await asyncio.gather(drawing, stopping, return_exceptions=True)


async def _drawn(services: Services, admitted: Admitted, work: Work) -> tuple[Picture, ...]:
    with await services.answers.begin(admitted.request, admitted.caller) as drawing, drawing.follow(work.see):
        return await drawing.pictures()


async def _options(request: Request, services: Services, principal: Principal) -> Response:
    model = await _chosen(services, principal)
    return JsonResponse({"sd_model_checkpoint": model.id, "sd_vae": "None", "CLIP_stop_at_last_layers": 1})


async def _set_options(request: Request, services: Services, principal: Principal) -> Response:
    """Of all options the model alone is one here; clients send the others back as they got them."""
    settings = services.settings
    body = await read_body(request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds)
    named = read_object(body).get("sd_model_checkpoint")
    if named not in (None, ""):
        model = await _chosen(services, principal, named)
        await services.model_choices.choose(principal.key_id, model.id)
    return JsonResponse(None)


async def _models(request: Request, services: Services, principal: Principal) -> Response:
    """A title is the model's id: no file, no folder, no digest is told."""
    shared: dict[str, Any] = {"hash": None, "sha256": None, "config": None}
    titles = [each.id for each in _usable(services, principal)]
    return JsonResponse([{"title": title, "model_name": title, "filename": title} | shared for title in titles])


async def _progress(request: Request, services: Services, principal: Principal) -> Response:
    under_way: UnderWay = request.app.state.under_way
    here = [WorkTold(work.step, work.steps) for work in under_way.of(principal.key_id)]
    works = here + await services.jobs.under_way_elsewhere.of(principal.key_id)
    step, steps = (works[0].step, works[0].steps) if works else (0, 0)
    state = {
        "job_count": len(works),
        "job_no": 0,
        "sampling_step": step,
        "sampling_steps": steps,
        "interrupted": False,
        "skipped": False,
        "job": "",
    }
    done = step / steps if steps else 0.0
    return JsonResponse(
        {"progress": done, "eta_relative": 0.0, "state": state, "current_image": None, "textinfo": None}
    )


async def _interrupt(request: Request, services: Services, principal: Principal) -> Response:
    under_way: UnderWay = request.app.state.under_way
    for work in under_way.of(principal.key_id):
        work.stopped.set()
    await services.jobs.under_way_elsewhere.of(principal.key_id, stop=True)
    return JsonResponse({})


def _always(said: Any) -> Handling:
    async def tell(request: Request, services: Services, principal: Principal) -> Response:
        return JsonResponse(said)

    return tell


_LISTS: dict[str, Any] = {
    "samplers": [{"name": SAMPLER, "aliases": [], "options": {}}],
    "schedulers": [{"name": "automatic", "label": SAMPLER}],
    "upscalers": [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 1}],
    "latent-upscale-modes": [],
    "sd-vae": [],
    # `<lora:…>` in a prompt is text here, and how else a client would choose one their interface does not say.
    "loras": [],
}
_HANDLED: dict[tuple[str, str], Handling] = {
    ("txt2img", "POST"): _draws("generate"),
    ("img2img", "POST"): _draws("edit"),
    ("options", "GET"): _options,
    ("options", "POST"): _set_options,
    ("sd-models", "GET"): _models,
    ("progress", "GET"): _progress,
    ("interrupt", "POST"): _interrupt,
    **{(name, "GET"): _always(said) for name, said in _LISTS.items()},
}

ROUTES = tuple(Route(f"/sdapi/v1/{name}", method, _served(handling)) for (name, method), handling in _HANDLED.items())
