"""What of a drawing may be seen between two heights: a band's document holds nothing else.

librsvg reads and walks a whole document for every band, which takes it 0.1 to 0.2 ms a kilobyte. So each element's
lowest and highest point are found once, generously: control points stand for curves, and relative steps are all counted
in both directions. A path of many parts is had in part, unless its paint depends on its own size. What is not
understood is always seen, so that nothing can be missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
"""The least and the greatest y."""

EVERYWHERE: Span = (-math.inf, math.inf)
NOWHERE: Span = (math.inf, -math.inf)
_FEW = 4
"""Parts of a path that are not worth to be told apart."""


@dataclass(frozen=True)
class Shift:
    """How heights within an element become heights around it: ``y * scale + move``."""

    move: float = 0.0
    scale: float = 1.0

    def outward(self, span: Span) -> Span:
        low, high = span[0] * self.scale + self.move, span[1] * self.scale + self.move
        return (low, high) if self.scale > 0 else (high, low)

    def inward(self, span: Span) -> Span:
        return Shift(-self.move / self.scale, 1 / self.scale).outward(span)


@dataclass
class Leaf:
    """An element without children. ``target`` is the name of what a ``use`` shows."""

    text: str
    span: Span
    target: str = ""
    shift: Shift | None = None

    def write(self, seen: list[Span], _: dict[str, list[Span]]) -> str:
        return self.text if _meets(self.span, seen) else ""


@dataclass
class Parts:
    """A path of many parts, each from one ``M`` to the next."""

    parts: list[str]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    attributes: str
    span: Span

    def write(self, seen: list[Span], _: dict[str, list[Span]]) -> str:
        if not _meets(self.span, seen):
            return ""
        near = np.zeros(len(self.parts), dtype=bool)
        for low, high in seen:
            near |= (self.highs >= low) & (self.lows <= high)
        parts = "M".join(self.parts[k] for k in np.flatnonzero(near).tolist())
        return f'<path d="M{parts}"{self.attributes}/>' if parts else ""


@dataclass
class Group:
    """A ``g``. One of a name may be seen elsewhere too, through a ``use`` that comes after it."""

    head: str
    name: str
    shift: Shift | None
    children: list[Leaf | Parts | Group] = field(default_factory=list)
    span: Span = NOWHERE

    def ask(self, seen: list[Span], asked: dict[str, list[Span]]) -> None:
        """Tells ``asked`` what each named group is to show: the last first, since a ``use`` comes after its target."""
        seen = self._within(seen + asked.get(self.name, []))
        for child in reversed(self.children):
            if isinstance(child, Group):
                child.ask(seen, asked)
            elif isinstance(child, Leaf) and child.target and _meets(child.span, seen):
                inner = [EVERYWHERE] if child.shift is None else [child.shift.inward(span) for span in seen]
                asked.setdefault(child.target, []).extend(inner)

    def write(self, seen: list[Span], asked: dict[str, list[Span]]) -> str:
        seen = seen + asked.get(self.name, []) if self.name else seen
        if not _meets(self.span, seen):
            return ""
        within = self._within(seen)
        inside = "".join(child.write(within, asked) for child in self.children)
        return f"{self.head}{inside}</g>" if inside else ""

    def _within(self, seen: list[Span]) -> list[Span]:
        return [EVERYWHERE] if self.shift is None else [self.shift.inward(span) for span in seen]


def _meets(span: Span, seen: list[Span]) -> bool:
    return any(span[1] >= low and span[0] <= high for low, high in seen)


class Drawing:
    """A drawing's body, which can be had in part. ``body`` is what this project's canvas writes.

    ``pause`` is called every 20 ms or so while it is read.
    """

    def __init__(self, body: str, pause: Callable[[], None]) -> None:
        mark = body.find("</defs>") + len("</defs>") if body.startswith("<defs>") else 0
        self._defs = body[:mark]
        named: dict[str, Span] = {}
        _read(self._defs.removeprefix("<defs>").removesuffix("</defs>"), named, pause)
        self._root = _read(body[mark:], named, pause)

    def between(self, first: float, last: float) -> str:
        """The body with what may be seen from ``first`` to ``last``."""
        asked: dict[str, list[Span]] = {}
        self._root.ask([(first, last)], asked)
        return self._defs + "".join(child.write([(first, last)], asked) for child in self._root.children)


_PIECE = 150_000
"""Characters read between two pauses."""
_TAG = re.compile(r"<(/?)(\w+)([^>]*?)(/?)>")
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')


def _read(text: str, named: dict[str, Span], pause: Callable[[], None]) -> Group:
    """The text's elements as a group without a head. ``named`` learns the spans of those that have an id."""
    root = Group("", "", Shift())
    above, pens, pieces = [root], [0.0], 0
    for found in _TAG.finditer(text):
        if found.start() // _PIECE > pieces:
            pieces = found.start() // _PIECE
            pause()
        closing, tag, attributes, single = found.groups()
        if closing:
            if tag == "g" and len(above) > 1:
                group = above.pop()
                pens.pop()
                group.span = _around(group)
                above[-1].children.append(group)
                if group.name:
                    named[group.name] = group.span
            else:
                above[-1].children.append(Leaf(found.group(), EVERYWHERE))
            continue
        had = dict(_ATTRIBUTE.findall(attributes))
        if tag == "g" and not single:
            above.append(Group(found.group(), had.get("id", ""), _shift(had)))
            pens.append(_pen(had, pens[-1]))
        elif tag == "path":
            above[-1].children.append(_path(found.group(), had, _pen(had, pens[-1])))
        elif tag == "use":
            target, shift = had.get("href", "").removeprefix("#"), _shift(had)
            known = named.get(target, EVERYWHERE)
            span = EVERYWHERE if shift is None else shift.outward(known)
            above[-1].children.append(Leaf(found.group(), span, target, shift))
        else:
            above[-1].children.append(Leaf(found.group(), EVERYWHERE))
    root.span = EVERYWHERE
    return root


def _around(group: Group) -> Span:
    if group.shift is None:
        return EVERYWHERE
    spans = [child.span for child in group.children]
    return group.shift.outward((min((s[0] for s in spans), default=0.0), max((s[1] for s in spans), default=0.0)))


_MOVE = re.compile(r"(translate|scale|matrix)\(([^()]*)\) ?")


def _shift(had: dict[str, str]) -> Shift | None:
    """What the element's transform does to heights; None if it turns or leans."""
    text = had.get("transform", "")
    total = Shift()
    for found in _MOVE.finditer(text):
        numbers = [float(number) for number in found.group(2).split()]
        match found.group(1), numbers:
            case "translate", [_, *rest]:
                step = Shift(sum(rest))
            case "scale", [*_, high] if high:
                step = Shift(0.0, high)
            case "matrix", [_, 0.0, _, high, _, move] if high:
                step = Shift(move, high)
            case _:
                return None
        total = Shift(step.move * total.scale + total.move, step.scale * total.scale)
    return None if _MOVE.sub("", text) else total


def _pen(had: dict[str, str], around: float) -> float:
    """How far a line may reach beyond its path: half its width and a bit, four times that at a corner that is not round
    (SVG's miter limit).
    """
    if "stroke-width" not in had:
        return max(around, 2.0) if "stroke" in had else around
    return float(had["stroke-width"]) * (0.75 if had.get("stroke-linejoin") == "round" else 2)


def _path(text: str, had: dict[str, str], pen: float) -> Leaf | Parts:
    shift = _shift(had)
    parts = had.get("d", "").split("M")
    if shift is None or parts[0] or len(parts) < 2:
        return Leaf(text, EVERYWHERE)
    spans = np.array([_part(part) for part in parts[1:]])
    lows, highs = spans[:, 0] - pen, spans[:, 1] + pen
    whole = (float(lows.min()), float(highs.max()))
    if len(parts) <= _FEW or shift != Shift() or "url(" in text:
        return Leaf(text, shift.outward(whole))
    before, _, after = text.partition(f' d="{had["d"]}"')
    attributes = before.removeprefix("<path") + after.removesuffix("/>")
    return Parts(parts[1:], lows, highs, attributes, whole)


_NUMBERS = {ord(c): None for c in "0123456789. -"}
_LETTERS = {ord(c): " " for c in "LQCTZ"}
_COMMAND = re.compile(r"([A-Za-z]?)([^A-Za-z]*)")


def _part(part: str) -> Span:
    """The span of a part of a path, without its ``M``: from x and y of its start on."""
    letters = part.translate(_NUMBERS)
    try:
        if not letters.strip("LQCTZ"):
            heights = [float(number) for number in part.translate(_LETTERS).split()[1::2]]
            return min(heights), max(heights)
        return _walked(part)
    except ValueError:  # numbers that stand together as in icons, or no numbers
        return EVERYWHERE


def _walked(part: str) -> Span:
    heights: list[float] = []
    steps = round_ = 0.0
    for letter, text in _COMMAND.findall(part):
        numbers = [float(number) for number in text.split()]
        if letter in ("", "L", "Q", "C", "T", "S"):
            heights += numbers[1::2]
        elif letter == "V":
            heights += numbers
        elif letter in "Aa":  # an arc leaves its circle nowhere, and parts of one circle follow one another
            round_ = max(round_, *numbers[0::7], *numbers[1::7])
            if letter == "A":
                heights += numbers[6::7]
            else:
                steps += sum(map(abs, numbers[6::7]))
        elif letter == "h":
            continue
        elif letter.islower():
            steps += sum(map(abs, numbers if letter == "v" else numbers[1::2]))
    steps += 2 * round_
    return min(heights) - steps, max(heights) + steps
