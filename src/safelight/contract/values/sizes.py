"""The nine sizes and aspect ratios of the images API, paired in order (CONTRACT 1.1)."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def parse(cls, text: str) -> Size:
        """`"1344x768"` to a size; only for text that was already validated against a list of sizes."""
        width, _, height = text.partition("x")
        return cls(int(width), int(height))


SIZE_OF_ASPECT_RATIO: dict[str, str] = {
    "16:9": "1344x768",
    "1:1": "1024x1024",
    "21:9": "1536x640",
    "2:3": "832x1216",
    "3:2": "1216x832",
    "4:5": "896x1088",
    "5:4": "1088x896",
    "9:16": "768x1344",
    "9:21": "640x1536",
}
ASPECT_RATIOS: tuple[str, ...] = tuple(SIZE_OF_ASPECT_RATIO)
SIZES: tuple[str, ...] = tuple(SIZE_OF_ASPECT_RATIO.values())
DEFAULT_ASPECT_RATIO = "1:1"
DEFAULT_SIZE = SIZE_OF_ASPECT_RATIO[DEFAULT_ASPECT_RATIO]


@lru_cache
def pattern_of_sizes(sides: range, others: tuple[str, ...]) -> str:
    """A regular expression (ECMA-262) for `WIDTHxHEIGHT` with these sides, and for the other words."""
    side = _alternatives(frozenset(str(number) for number in sides))
    return f"^(?:{'|'.join(dict.fromkeys(others))}|{side}x{side})$"


def _alternatives(texts: frozenset[str]) -> str:
    """An expression that matches these texts alone. Digits that may be followed by the same share one class."""
    followers: dict[str, set[str]] = {}
    for text in sorted(texts - {""}):
        followers.setdefault(text[0], set()).add(text[1:])
    firsts: dict[str, str] = {}
    for digit, tails in followers.items():
        rest = _alternatives(frozenset(tails))
        firsts[rest] = firsts.get(rest, "") + digit
    parts = [(f"[{digits}]" if len(digits) > 1 else digits) + rest for rest, digits in firsts.items()]
    whole = parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})" if parts else ""
    return f"(?:{whole})?" if parts and "" in texts else whole
