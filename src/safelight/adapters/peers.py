"""What processes of one database ask each other and tell each other, over HTTP.

Whoever stands alone asks nobody, and imports no client: httpx is imported with the first call.
"""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from safelight.protocol.peers.claims import LOST_PATH, LostClaim
from safelight.protocol.peers.steps import STEPS_PATH, Interest, StepNews, read_frames
from safelight.protocol.peers.under_way import UNDER_WAY_PATH, WorkAsked, WorkTold

_OK, _NO_CONTENT = 200, 204
# The other says something at least each 5 s.
_SILENT_SECONDS, _CONNECT_SECONDS = 15.0, 3.0
# One that is gone for good does not answer, and nobody waits for it.
_ANSWER_SECONDS = 2.0


class HttpPeers:
    """`PeerSteps`, `PeerClaims` and `PeerWork`. `secret` gives what the processes of a database know each other by."""

    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret

    async def told(self, address: str, interests: Sequence[Interest]) -> AsyncIterator[StepNews]:
        import httpx

        headers = {"authorization": f"Bearer {self._secret()}"}
        body = msgspec.json.encode(interests)
        timeout = httpx.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS)
        try:
            # No proxy and no cookies of the environment: it is a machine beside ours.
            async with (
                httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
                client.stream("POST", f"{address}{STEPS_PATH}", content=body, headers=headers) as answer,
            ):
                if answer.status_code != _OK:
                    raise ConnectionRefusedError(f"it answers with {answer.status_code}")
                async for news in read_frames(answer.aiter_bytes()):
                    yield news
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    async def lost(self, address: str, claims: Sequence[LostClaim]) -> None:
        # One of an earlier version answers otherwise: it finds out by itself.
        await self._post(f"{address}{LOST_PATH}", claims, _NO_CONTENT)

    async def under_way(self, address: str, asked: WorkAsked) -> Sequence[WorkTold]:
        told = await self._post(f"{address}{UNDER_WAY_PATH}", (asked,), _OK)
        try:
            return msgspec.json.decode(told, type=tuple[WorkTold, ...])
        except msgspec.DecodeError as error:
            raise ConnectionError(f"what it says cannot be read: {error}") from error

    async def _post(self, url: str, said: Sequence[msgspec.Struct], expected: int) -> bytes:
        """The answer's body. Raises OSError: there is none, or another status."""
        import httpx

        headers = {"authorization": f"Bearer {self._secret()}"}
        try:
            async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
                answer = await client.post(url, content=msgspec.json.encode(said), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        if answer.status_code != expected:
            raise ConnectionRefusedError(f"it answers with {answer.status_code}")
        return answer.content
