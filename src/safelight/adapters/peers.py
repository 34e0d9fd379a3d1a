"""What processes of one database ask each other and tell each other, over HTTP."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import msgspec

from safelight.protocol.peers.claims import LOST_PATH, LostClaim
from safelight.protocol.peers.steps import STEPS_PATH, Interest, StepNews, read_frames
from safelight.protocol.peers.under_way import UNDER_WAY_PATH, WorkAsked, WorkTold

# The other says something at least each 5 s.
_TIMEOUT = httpx.Timeout(15.0, connect=3.0)


# One that is gone for good does not answer, and nobody waits for it.
_SHORT_TIMEOUT = httpx.Timeout(2.0)


class HttpPeers:
    """`PeerSteps`, `PeerClaims` and `PeerWork`. `secret` gives what the processes of a database know each other by."""

    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret

    async def told(self, address: str, interests: Sequence[Interest]) -> AsyncIterator[StepNews]:
        headers = {"authorization": f"Bearer {self._secret()}"}
        body = msgspec.json.encode(interests)
        try:
            # No proxy and no cookies of the environment: it is a machine beside ours.
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client,
                client.stream("POST", f"{address}{STEPS_PATH}", content=body, headers=headers) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise ConnectionRefusedError(f"it answers with {answer.status_code}")
                async for news in read_frames(answer.aiter_bytes()):
                    yield news
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    async def lost(self, address: str, claims: Sequence[LostClaim]) -> None:
        # One of an earlier version answers otherwise: it finds out by itself.
        await self._post(f"{address}{LOST_PATH}", claims, httpx.codes.NO_CONTENT)

    async def under_way(self, address: str, asked: WorkAsked) -> Sequence[WorkTold]:
        told = await self._post(f"{address}{UNDER_WAY_PATH}", (asked,), httpx.codes.OK)
        try:
            return msgspec.json.decode(told, type=tuple[WorkTold, ...])
        except msgspec.DecodeError as error:
            raise ConnectionError(f"what it says cannot be read: {error}") from error

    async def _post(self, url: str, said: Sequence[msgspec.Struct], expected: int) -> bytes:
        """The answer's body. Raises OSError: there is none, or another status."""
        headers = {"authorization": f"Bearer {self._secret()}"}
        try:
            async with httpx.AsyncClient(timeout=_SHORT_TIMEOUT, trust_env=False) as client:
                answer = await client.post(url, content=msgspec.json.encode(said), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        if answer.status_code != expected:
            raise ConnectionRefusedError(f"it answers with {answer.status_code}")
        return answer.content
