"""How large a thing looks and where it comes to lie, as the renderer draws it (`safelight.postcard.render.placing`).

The prior keeps things apart and inside the edges by it, and the judge reads off it what is above what.
"""

from dataclasses import dataclass
from functools import cache

from safelight.postcard.render.figures.drawings import aspect_of
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.things import THINGS, ThingKind
from safelight.postcard.scenes.vocabulary import LayerKind, Place, Setting


@dataclass(slots=True)
class Box:
    """The place a thing takes on the picture: x and y run from 0 to 1, y downwards."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: "Box", slack: float = 0.1) -> bool:
        """Whether the two cover each other by more than a little of the narrower one."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        narrow = min(self.right - self.left, other.right - other.left)
        return wide > slack * narrow and high > 0.12 * min(self.bottom - self.top, other.bottom - other.top)


@dataclass(frozen=True, slots=True)
class View:
    """What of a scene decides where things come to lie. `table` is the depth of a table's far edge, or None."""

    setting: Setting
    horizon: float
    table: float | None
    aspect: float

    @staticmethod
    def of(scene: Scene, aspect: float) -> "View":
        """The view of a finished scene at this aspect (width over height)."""
        tables = [layer.depth for layer in scene.layers if layer.kind is LayerKind.TABLE]
        return View(scene.world.setting, scene.world.horizon, tables[0] if tables else None, aspect)

    def box(self, key: str, x: float, depth: float, lift: float, scale: float) -> Box:
        """Where a thing of this kind comes to lie."""
        kind = THINGS[key]
        on_table = self.table is not None and (Place.TABLE in kind.places or kind.height < 1)
        size = min(self._size(kind, depth, lift, scale, on_table), 0.86 * max(1.0, 1 / self.aspect))
        wide = size * breadth(key) / max(1.0, self.aspect)
        high = size * min(1.0, self.aspect)
        foot = self._foot(depth, on_table)
        foot += (high - foot) * lift
        return Box(x - wide / 2, x + wide / 2, foot - high, foot)

    def _foot(self, depth: float, on_table: bool) -> float:
        ground = self.horizon + (1 - self.horizon) * depth
        if not on_table or self.table is None:
            return ground
        edge = self.horizon + (1 - self.horizon) * self.table
        return max(edge, self.horizon + (1 - self.horizon) * 0.12) + (1 - edge) * (0.1 + 0.72 * depth)

    def _size(self, kind: ThingKind, depth: float, lift: float, scale: float, on_table: bool) -> float:
        """Height in fractions of the shorter side."""
        rise = float(max(1.0, 1 / self.aspect) ** 0.35) * scale
        if self.setting is Setting.PLAIN:
            return 0.3 * rise * float((kind.height / 1.75) ** 0.12)
        if on_table:
            return 0.21 * rise * float((kind.height / 0.2) ** 0.5) * (0.75 + 0.45 * depth)
        natural = 0.215 * rise * float((kind.height / 1.75) ** 0.42)
        if self.setting is Setting.SPACE:
            return natural * (0.55 + 0.55 * depth)
        if self.setting is Setting.UNDERWATER and Place.UNDERWATER in kind.places:
            return natural * (0.65 + 0.4 * depth)
        near = max(depth, 0.12) if lift > 0 else depth
        return natural * (0.17 + 0.83 * float(near**1.15))


@cache
def breadth(key: str) -> float:
    """Width over height of a kind's drawing."""
    return aspect_of(THINGS[key])
