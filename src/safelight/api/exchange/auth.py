"""Who is calling: the key of the Authorization header, or else the session of the page's cookie."""

# Tested in tests/api/test_errors.py.

from __future__ import annotations

from starlette.requests import Request

from safelight.api.exchange.wrong_keys import WrongKeys
from safelight.api.http.proxies import Proxies
from safelight.api.services import Services
from safelight.contract.errors import AuthenticationFailed, UnsupportedMediaType
from safelight.service.access.keys import Principal, bearer_token

_OWN_PAGES = ("same-origin", "none")  # none: the person at the browser asks, and no page
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


async def authenticate(request: Request) -> Principal:
    """The caller.

    Raises:
        AuthenticationFailed: no key, a malformed header, an unknown or a revoked key, a session that has ended.
        UnsupportedMediaType: a cookie came with a request that changes something and is not JSON.
    """
    services: Services = request.app.state.services
    header, cookie = _authorization(request), request.cookies.get(cookie_name(request))
    if header is None and cookie:
        principal, _ = await services.sessions.authenticate(cookie)
        if request.method not in _SAFE_METHODS:
            require_json(request)
    else:
        principal = await by_key(request, bearer_token(header))
    request.scope["safelight.key_id"] = principal.key_id
    return principal


async def by_key(request: Request, text: str) -> Principal:
    """The holder of a key.

    Raises:
        AuthenticationFailed: unknown or revoked; said later and later where many such come from one address.
        RateLimited: too many such wait to be told so.
    """
    services: Services = request.app.state.services
    try:
        return await services.keys.authenticate(text)
    except AuthenticationFailed:
        proxies: Proxies = request.app.state.proxies
        wrong_keys: WrongKeys = request.app.state.wrong_keys
        await wrong_keys.count(proxies.caller(request.scope))
        raise


def _authorization(request: Request) -> str | None:
    sent = set(request.headers.getlist("authorization"))
    if len(sent) > 1:  # a proxy might have judged the other one
        raise AuthenticationFailed("More than one Authorization header came. Send one.")
    return sent.pop() if sent else None


def cookie_name(request: Request) -> str:
    """How the page's cookie is called; see `Database.cookie_name`."""
    services: Services = request.app.state.services
    return services.cookie_name


def require_json(request: Request) -> None:
    """Against forged requests: another site's form cannot send this type, and its scripts would have to ask first
    (Fetch standard, "CORS-safelisted request-header"). SameSite alone lets pages of other ports of this host in. And
    a browser says itself whose page asks (Fetch Metadata, `Sec-Fetch-Site`; no script can set it).

    Raises:
        UnsupportedMediaType: the request does not say that it is JSON.
        AuthenticationFailed: a page of another origin asks.
    """
    if request.headers.get("sec-fetch-site", "none") not in _OWN_PAGES:
        raise AuthenticationFailed(
            "A session counts for the studio's own page alone, and a page of another origin asks. It may use a key."
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType(
            "A request with a cookie that changes something must say `Content-Type: application/json`."
        )
