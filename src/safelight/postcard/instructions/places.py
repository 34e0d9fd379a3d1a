"""Where a thing comes to stand: in the widest gap, or by others that an instruction names."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from safelight.postcard.instructions.draft import Draft, Fields
from safelight.postcard.instructions.verbs import Beside, Near
from safelight.postcard.scenes.scene import Thing

_EDGE, _MARGIN = 0.02, 0.06
_STEP = 0.17
_OVER = 0.25


def widest(taken: list[float]) -> float:
    """The middle of the widest gap between these and the edges: the denoiser often puts one thing before another."""
    edges = [_EDGE, *sorted(taken), 1 - _EDGE]
    left, right = max(pairwise(edges), key=lambda gap: gap[1] - gap[0])
    return (left + right) / 2


def others_of(draft: Draft, near: Near | None) -> list[Thing]:
    """The things that are there of those that a place is named by."""
    kinds = {value for term in near.things for value in term.values} if near else set()
    return [x for x, _ in draft.things if x.kind in kinds]


def beside(thing: Thing, side: Beside, others: list[Thing], rest: list[Thing]) -> tuple[Thing, Fields]:
    """The thing on that side of others, and which of its fields this decides. `rest` is what it may not stand on."""
    first, last = min(others, key=lambda x: x.x), max(others, key=lambda x: x.x)
    depth = max(x.depth for x in others)
    match side:
        case "left":
            return replace(thing, x=max(_MARGIN, first.x - _STEP), depth=depth), frozenset({"x", "depth"})
        case "right":
            return replace(thing, x=min(1 - _MARGIN, last.x + _STEP), depth=depth), frozenset({"x", "depth"})
        case "before":
            return replace(thing, x=last.x, depth=min(1.0, depth + _OVER)), frozenset({"x", "depth"})
        case "behind":
            return replace(thing, x=last.x + 0.05, depth=max(0.0, depth - _OVER)), frozenset({"x", "depth"})
        case "above":
            return replace(thing, x=last.x), frozenset({"x"})
        case "by":
            sides = [max(_MARGIN, first.x - _STEP), min(1 - _MARGIN, last.x + _STEP)]
            x = max(sides, key=lambda at: min([abs(at - other.x) for other in rest], default=1.0))
            return replace(thing, x=x, depth=depth), frozenset({"x", "depth"})
