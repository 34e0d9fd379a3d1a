"""A filter of the operator's that is an address. It is asked by httpx, which a server without one does not import."""

# Tested in tests/api/test_filters.py.

from __future__ import annotations

import asyncio

import httpx
import msgspec

from safelight.service.ports.filters import FilterFailed, Question, Verdict


class HttpFilter:
    """An address that is sent the question by POST. It answers `{"allowed": true}`, or false and a `reason`."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._client = httpx.AsyncClient(timeout=seconds, trust_env=False)

    async def judge(self, question: Question) -> Verdict:
        """Ask the address.

        Raises:
            FilterFailed: it cannot be reached, took too long, or answered something else.
        """
        headers = {"content-type": "application/json"}
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._client.post(self._url, content=msgspec.json.encode(question), headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            raise FilterFailed(f"it gave no verdict within {self._seconds:g} s") from None
        except httpx.HTTPError as error:
            raise FilterFailed(f"it cannot be reached ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise FilterFailed(f"it answered with status {answer.status_code}")
        try:
            verdict = msgspec.json.decode(answer.content, type=Verdict)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise FilterFailed("its answer is no verdict") from None
        return Verdict.told(verdict.allowed, verdict.reason)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()
