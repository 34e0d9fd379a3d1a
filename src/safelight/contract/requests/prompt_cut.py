"""A prompt that was longer than what the model reads: how that is said, in sentences and in a header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

HEADER = "x-safelight-prompt-truncated"
_MEMBER = re.compile(r"\s*(prompt|negative_prompt);read=([0-9]{1,9});tokens=([0-9]{1,9})\s*")


class PromptCut(msgspec.Struct, frozen=True):
    """Of the `tokens` of a parameter's text, the model read the first `read`; the tokens that it adds count too."""

    parameter: Literal["prompt", "negative_prompt"]
    read: int
    tokens: int

    def __str__(self) -> str:
        return (
            f"`{self.parameter}` was cut: the model reads {self.read} tokens, and it has {self.tokens}. "
            "What comes after them changed nothing."
        )

    def as_json(self) -> dict[str, int]:
        """How much was read of how much."""
        return {"read": self.read, "tokens": self.tokens}


def cuts_object(cuts: Sequence[PromptCut]) -> dict[str, dict[str, int]]:
    """The cuts by the name of the parameter."""
    return {cut.parameter: cut.as_json() for cut in cuts}


def cut_header(cuts: Sequence[PromptCut]) -> dict[str, str]:
    """The header that says it, a list of RFC 9651 (section 3.1); nothing where nothing was cut."""
    said = ", ".join(f"{cut.parameter};read={cut.read};tokens={cut.tokens}" for cut in cuts)
    return {HEADER: said} if said else {}


def read_cut_header(text: str) -> tuple[PromptCut, ...]:
    """What a server said by that header; what is not of its form is left out."""
    found = (_MEMBER.fullmatch(part) for part in text.split(","))
    said = (zip(PromptCut.__struct_fields__, each.groups(), strict=True) for each in found if each)
    return tuple(msgspec.convert(dict(fields), PromptCut, strict=False) for fields in said)
