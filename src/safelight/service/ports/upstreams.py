"""Servers of the operator's that answer what we pass on: chat completions."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class UpstreamAnswer:
    """What an upstream answered: its status, its media type, and its body in pieces as they come.

    Whoever does not read `content` to its end closes it (`aclose`), and the upstream is left.
    """

    status: int
    media_type: str
    content: AsyncGenerator[bytes]


class Upstream(Protocol):
    """One address that speaks OpenAI's Chat Completions, with its own key."""

    @property
    def name(self) -> str:
        """What the operator calls it."""

    async def complete(self, body: bytes) -> UpstreamAnswer:
        """Send a request as it is; returns when the head of the answer is there.

        Raises:
            UpstreamFailed: it cannot be reached, or broke off. So may reading its content.
            UpstreamTimeout: it was silent for too long. So may reading its content.
        """

    async def close(self) -> None:
        """Let go of its connections."""
