"""Upstreams over HTTP: an Ollama, vLLM, llama.cpp, OpenAI or Heroku address."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator

import httpx

from safelight.contract.errors import UpstreamFailed, UpstreamTimeout
from safelight.service.ports.upstreams import UpstreamAnswer

SILENT_SECONDS = 60.0
_CONNECT_SECONDS = 5.0


class HttpUpstream:
    """An `Upstream` at `url`, which ends in `/v1`. Of a caller's request only the body goes there, with `key`.

    Nothing is asked of a proxy that the environment names, and no redirect is followed: the operator's key goes to
    the operator's address alone.
    """

    def __init__(self, name: str, url: str, key: str | None, silent_seconds: float = SILENT_SECONDS) -> None:
        self._name = name
        self._silent = silent_seconds
        self._url = f"{url.rstrip('/')}/chat/completions"
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        self._client = httpx.AsyncClient(
            headers=headers | ({"authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(silent_seconds, connect=min(_CONNECT_SECONDS, silent_seconds)),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=False,
        )

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, body: bytes) -> UpstreamAnswer:
        """Send a request as it is; returns when the head of the answer is there.

        Raises:
            UpstreamFailed: it cannot be reached, or broke off.
            UpstreamTimeout: it was silent for `silent_seconds`.
        """
        with self._said():
            request = self._client.build_request("POST", self._url, content=body)
            response = await self._client.send(request, stream=True)
        media_type = response.headers.get("content-type", "application/json")
        return UpstreamAnswer(response.status_code, media_type, self._content(response))

    async def _content(self, response: httpx.Response) -> AsyncGenerator[bytes]:
        try:
            with self._said():
                async for piece in response.aiter_raw():
                    yield piece
        finally:
            # Shielded: whoever leaves is cancelled, and the connection is closed all the same.
            await asyncio.shield(response.aclose())

    async def close(self) -> None:
        await self._client.aclose()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Errors of the transport, as sentences without an address or a key."""
        try:
            yield
        except httpx.ConnectTimeout:
            raise UpstreamFailed(f"The upstream {self._name} cannot be reached.") from None
        except httpx.TimeoutException:
            raise UpstreamTimeout(f"The upstream {self._name} said nothing for {self._silent:g} s.") from None
        except httpx.ConnectError:
            raise UpstreamFailed(f"The upstream {self._name} cannot be reached.") from None
        except httpx.HTTPError:
            raise UpstreamFailed(f"The upstream {self._name} broke off.") from None
