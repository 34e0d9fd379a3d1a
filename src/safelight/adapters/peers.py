"""Asking other processes of the same database for the steps of what they draw, over HTTP."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import msgspec

from safelight.protocol.steps import STEPS_PATH, Interest, StepNews, read_frames

# The other says something at least each 5 s.
_TIMEOUT = httpx.Timeout(15.0, connect=3.0)


class HttpPeers:
    """`PeerSteps`. `secret` gives what the processes of a database know each other by."""

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
