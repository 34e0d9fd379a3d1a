"""The page at `/studio`: its built files, and signing in to it."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from safelight.api.exchange.auth import by_key, cookie_name, require_json
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Answer, Operation, Route, Schema, json_answer
from safelight.api.http.proxies import Proxies
from safelight.api.services import BuiltFile, Services
from safelight.contract.errors import AuthenticationFailed, InvalidRequest, NotFound
from safelight.contract.values.json_object import read_object
from safelight.service.access.keys import Principal
from safelight.service.access.sessions import SESSION_SECONDS
from safelight.service.ports.stores.keys import SessionRecord

# Nothing from anywhere else, no inline script or style, in nobody's frame (CSP Level 3).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# no-referrer: the address may hold the one-time token, or a prompt.
_PAGE_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_HASHED = "assets/"
_FOREVER = "public, max-age=31536000, immutable"
_INDEX = "index.html"
_ALREADY_COMPRESSED = ("image/png", "image/jpeg", "image/webp", "font/woff2")
_MEDIA_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}


class Session(Answer, frozen=True, kw_only=True):
    """Who is signed in to the page, until when (Unix seconds), and whether the key may change keys."""

    signed_in: Annotated[bool, Meta(extra_json_schema={"const": True})] = True
    name: str
    key_id: str
    admin: bool
    expires: float


class SignedOut(Answer, frozen=True, kw_only=True):
    """Nobody is signed in."""

    signed_in: Annotated[bool, Meta(extra_json_schema={"const": False})] = False


def read_built(folder: Path) -> dict[str, BuiltFile]:
    """Every file of the built page by its path there. What is not in this list is never served."""
    if not (folder / _INDEX).is_file():
        return {}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): _built(path) for path in paths}


async def page(request: Request) -> Response:
    """`GET /studio` and everything below: a file of the page, or the page itself."""
    services: Services = request.app.state.services
    if "token" in request.query_params and request.method == "GET":  # a HEAD must not use a link up
        return await _by_link(request)
    name = str(request.path_params.get("path", ""))
    file = services.page.get(name)
    if file is not None and name != _INDEX:
        return _file(request, file, forever=name.startswith(_HASHED))
    index = services.page.get(_INDEX)
    if index is None:
        raise NotFound("The page has not been built here: `make studio` does, and releases have it.")
    if name.startswith(_HASHED):
        raise NotFound("This file belongs to another version of the page. Load the page again.")
    return _file(request, _based(index, request))


async def get_session(request: Request) -> Response:
    """`GET /studio/session`: who is signed in."""
    services: Services = request.app.state.services
    cookie = request.cookies.get(cookie_name(request))
    try:
        principal, session = await services.sessions.authenticate(cookie or "")
    except AuthenticationFailed:
        return _session_answer(None)
    return _session_answer((principal, session))


async def sign_in(request: Request) -> Response:
    """`POST /studio/session`: a key, or a one-time token, becomes a cookie."""
    services: Services = request.app.state.services
    require_json(request)
    settings = services.settings
    try:
        body = await read_body(
            request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds
        )
    except ClientDisconnect:
        return Response(status_code=499)
    name, text = _credential(read_object(body))
    if name == "key":
        await by_key(request, text)
        cookie, session = await services.sessions.sign_in_by_key(text)
    else:
        cookie, session = await services.sessions.sign_in_by_link(text)
    principal, _ = await services.sessions.authenticate(cookie)
    answer = _session_answer((principal, session))
    _set_cookie(request, answer, cookie)
    return answer


async def sign_out(request: Request) -> Response:
    """`DELETE /studio/session`: ends the session, here and in the browser."""
    services: Services = request.app.state.services
    cookie = request.cookies.get(cookie_name(request))
    if cookie:
        require_json(request)
        await services.sessions.sign_out(cookie)
    answer = _session_answer(None)
    answer.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="strict")
    return answer


async def _by_link(request: Request) -> Response:
    """Trade the token for a cookie and go to the same page without it, so that it stays in no history."""
    services: Services = request.app.state.services
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    cookie = None
    try:
        cookie, _ = await services.sessions.sign_in_by_link(request.query_params["token"])
    except AuthenticationFailed:
        if not await _signed_in(request):
            query.append(("link", "used"))
    # Relative: whatever prefix a proxy has put before us is kept (RFC 9110, 10.2.2).
    path = str(request.path_params.get("path", ""))
    here = "./" if request.scope.get("safelight.trailing_slash") else quote(path.rpartition("/")[2]) or "studio/"
    answer = Response(status_code=303, headers=_PAGE_HEADERS)
    answer.headers["location"] = here + (f"?{urlencode(query)}" if query else "")
    if cookie is not None:
        _set_cookie(request, answer, cookie)
    return answer


async def _signed_in(request: Request) -> bool:
    services: Services = request.app.state.services
    try:
        await services.sessions.authenticate(request.cookies.get(cookie_name(request), ""))
    except AuthenticationFailed:
        return False
    return True


def _credential(fields: dict[str, Any]) -> tuple[str, str]:
    given = {name: value for name, value in fields.items() if name in ("key", "token")}
    if len(given) != 1 or len(fields) != 1:
        raise InvalidRequest(
            "Send either `key` or `token`, and nothing else.", code="missing_required_parameter", param="key"
        )
    ((name, value),) = given.items()
    if not isinstance(value, str):
        raise InvalidRequest(f"`{name}` must be a string.", param=name)
    return name, value.strip()


def _session_answer(signed_in: tuple[Principal, SessionRecord] | None) -> Response:
    if signed_in is None:
        return JsonResponse(SignedOut())
    principal, session = signed_in
    return JsonResponse(
        Session(name=principal.name, key_id=principal.key_id, admin=principal.admin, expires=session.expires)
    )


def _set_cookie(request: Request, answer: Response, cookie: str) -> None:
    proxies: Proxies = request.app.state.proxies
    answer.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(SESSION_SECONDS),
        path="/",
        secure=proxies.is_https(request.scope),
        httponly=True,
        samesite="strict",
    )


def _file(request: Request, file: BuiltFile, *, forever: bool = False) -> Response:
    headers = _PAGE_HEADERS | {
        "cache-control": _FOREVER if forever else "no-cache",
        "etag": file.etag,
        "vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers=headers | {"content-encoding": "gzip"}, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _based(index: BuiltFile, request: Request) -> BuiltFile:
    """The page for another address than `/studio/`: relative links need to be told where they begin. What a proxy may
    have put before `/studio` we need not know for that.
    """
    path = str(request.path_params.get("path", ""))
    slash = bool(request.scope.get("safelight.trailing_slash"))
    if not path and slash:
        return index
    base = "../" * (path.count("/") + slash) or "./" if path else "studio/"
    content = index.content.replace(b"<head>", b'<head><base href="%s">' % base.encode(), 1)
    return _packed(content, index.media_type)


def _built(path: Path) -> BuiltFile:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _packed(path.read_bytes(), _MEDIA_TYPES.get(path.suffix, guessed))


@lru_cache(maxsize=64)  # the built files, which take 25 ms to pack, and the page for some addresses
def _packed(content: bytes, media_type: str) -> BuiltFile:
    packed = None if media_type in _ALREADY_COMPRESSED else gzip.compress(content, 9, mtime=0)
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return BuiltFile(content, packed if packed and len(packed) < len(content) else None, media_type, etag)


def _only(name: str) -> Schema:
    return {"type": "object", "required": [name], "properties": {name: TEXT}, "additionalProperties": False}


_WHO = json_answer("Who is signed in.", Session | SignedOut)

ROUTES = (
    Route("/studio", "GET", page),
    Route("/studio/{path:path}", "GET", page),
    Route(
        "/studio/session",
        "GET",
        get_session,
        Operation(name="getSession", summary="Who is signed in to the page.", key=False, answers=_WHO),
    ),
    Route(
        "/studio/session",
        "POST",
        sign_in,
        Operation(
            name="signIn",
            summary="Sign in to the page with a key or a one-time token: sets a cookie.",
            key=False,
            body={"anyOf": [_only("key"), _only("token")]},
            answers=_WHO,
            errors=(401, *BODY_ERRORS),
        ),
    ),
    Route(
        "/studio/session",
        "DELETE",
        sign_out,
        Operation(
            name="signOut",
            summary="End the session. Must say that it is JSON, without a body.",
            key=False,
            answers=_WHO,
            errors=(415,),
        ),
    ),
)
