"""How a hub is asked: for so long, for so much, and not led anywhere."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from huggingface_hub import constants
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import hf_raise_for_status

from safelight.contract.errors import SafelightError

PATIENCE_SECONDS = 30.0  # without a byte
# A page of a list of files has up to 1,000 entries.
_MOST_BYTES, _MOST_SECONDS = 32 * 1024 * 1024, 120.0
# A file leads to one that is signed, and that may lead to a mirror.
_MOST_REDIRECTS = 8


def client(headers: dict[str, str] | None = None, timeout: float = PATIENCE_SECONDS) -> httpx.Client:
    """One that is led on a few times, and never from https to http. httpx gives the token to its own host alone."""
    return httpx.Client(
        headers=build_hf_headers() if headers is None else headers,
        timeout=timeout,
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        event_hooks={"response": [_check_redirect]},
    )


def endpoint_url(endpoint: str | None, path: str) -> httpx.URL:
    """An address of the hub, whose own may have a path."""
    return httpx.URL(f"{(endpoint or constants.ENDPOINT).rstrip('/')}{path}")


def read_json(asked: httpx.Client, url: httpx.URL) -> tuple[Any, httpx.Response]:
    """What a hub says at that address, and the answer's head.

    Raises:
        SafelightError: it is too long, takes too long, comes from another host, or is no JSON.
        huggingface_hub.errors.HfHubHTTPError, httpx.HTTPError: it cannot be had.
    """
    until, content = time.monotonic() + _MOST_SECONDS, bytearray()
    with asked.stream("GET", url) as answer:
        if answer.url.host != url.host:  # what it says is not checked, as a file is by its checksum
            raise SafelightError(f"The hub's answer is at {answer.url.host}, which is not the hub.")
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > _MOST_BYTES:
                raise SafelightError(f"The hub's answer has more than {_MOST_BYTES} bytes, so nothing is fetched.")
            if time.monotonic() > until:
                raise SafelightError(
                    f"The hub's answer has not ended after {_MOST_SECONDS:g} s, so nothing is fetched."
                )
    whole = httpx.Response(answer.status_code, headers=_plain(answer), content=bytes(content), request=answer.request)
    hf_raise_for_status(whole)
    try:
        return json.loads(content), answer
    except (ValueError, RecursionError):
        raise SafelightError("The hub's answer is no JSON.") from None


def _plain(answer: httpx.Response) -> dict[str, str]:
    """The head of an answer whose content has been unpacked."""
    return {name: value for name, value in answer.headers.items() if name not in ("content-encoding", "content-length")}


def _check_redirect(answer: httpx.Response) -> None:
    if not answer.has_redirect_location:
        return
    target = answer.url.join(answer.headers["location"])
    if target.scheme not in ("http", "https") or (answer.url.scheme, target.scheme) == ("https", "http"):
        raise SafelightError(f"The hub leads from {answer.url.scheme} to {target.scheme}:, which is not followed.")
