"""The operator's own judges of prompts and pictures."""

# Tested in tests/api/test_filters.py.

from __future__ import annotations

from typing import Protocol

import msgspec

_MOST_REASON = 200


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a filter is asked about. `image` is the finished file, which comes only to filters of pictures."""

    model: str
    prompt: str
    negative_prompt: str = ""
    image: bytes = b""
    media_type: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """Whether it may be drawn, or shown. `reason` is told to the caller."""

    allowed: bool
    reason: str = ""

    @classmethod
    def told(cls, allowed: bool, said: str) -> Verdict:
        """One whose reason is the first line of what a judge said, without what cannot be printed."""
        line = said.strip().partition("\n")[0]
        return cls(allowed, "".join(c for c in line if c.isprintable())[:_MOST_REASON])


class FilterFailed(Exception):
    """A filter gave no verdict; the text says why, for the log."""


class ContentFilter(Protocol):
    """A command or an address of the operator's."""

    async def judge(self, question: Question) -> Verdict:
        """The verdict.

        Raises:
            FilterFailed: none came, in time or at all.
        """

    async def close(self) -> None:
        """Let go of what it holds."""
