"""Where things stand: on thirds, by depth, apart from each other, inside the edges."""

from dataclasses import dataclass, field

from training.postcard.prior.cast import Group
from training.postcard.prior.draw import Draw
from training.postcard.prior.plan import Plan, Span
from training.postcard.prior.size import Box, View

from safelight.postcard.scenes.scene import Thing
from safelight.postcard.scenes.things import ThingKind
from safelight.postcard.scenes.vocabulary import Facing, LayerKind, Place, Setting

EDGE = 0.07
"""Nothing comes nearer to the left or right edge than this."""


@dataclass(slots=True)
class Stand:
    """What carries a group: a span of depth to stand in, or a span of lift to float in."""

    depth: Span
    lift: Span | None = None


@dataclass(slots=True)
class Stage:
    """A stage being filled."""

    draw: Draw
    setting: Setting
    plan: Plan
    things: list[Thing] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    @property
    def view(self) -> View:
        """How things on this stage come to lie."""
        tables = [layer.depth for layer in self.plan.layers if layer.kind is LayerKind.TABLE]
        return View(self.setting, self.plan.horizon, tables[0] if tables else None, self.draw.aspect)

    def fits(self, box: Box) -> bool:
        """Whether the box is inside the edges and free."""
        inside = box.left > EDGE * 0.4 and box.right < 1 - EDGE * 0.4 and box.top > 0.02 and box.bottom < 0.985
        return inside and not any(box.meets(b) for b in self.boxes)


def sample_things(draw: Draw, setting: Setting, plan: Plan, groups: list[Group]) -> tuple[Thing, ...]:
    """Place groups one after the other; one that finds no place stays away."""
    stage = Stage(draw, setting, plan)
    columns = _columns(draw, len(groups))
    hero = len(groups) == 1 and draw.chance(0.75 if groups[0].kind.height < 1.3 else 0.45)
    above = [g for g in groups if Place.SKY in g.kind.places]
    if setting is Setting.PLAIN and len(groups) == 2 and above and draw.chance(0.6):
        _stack(stage, sorted(groups, key=lambda g: g is above[0]))
        return tuple(stage.things)
    for group, x in zip(groups, columns, strict=False):
        stand = _stand(draw, setting, plan, group.kind)
        if stand is not None:
            _enter(stage, group, stand, x, hero)
    return tuple(stage.things)


def _stack(stage: Stage, groups: list[Group]) -> None:
    """Two groups on a plain ground, one above the other."""
    x = 0.5 + stage.draw.between(-0.06, 0.06)
    _enter(stage, groups[0], Stand((0.5, 0.75)), x, hero=False)
    _enter(stage, groups[1], Stand((0.4, 0.6), (0.6, 0.8)), x, hero=False)


def _columns(draw: Draw, count: int) -> list[float]:
    """An x for each group."""
    if count <= 1:
        where = draw.rng.random()
        return [draw.third() if where < 0.58 else draw.between(0.46, 0.54) if where < 0.86 else draw.between(0.2, 0.8)]
    if count == 2:
        pair = [draw.between(0.2, 0.38), draw.between(0.62, 0.8)]
    else:
        pair = [draw.between(0.15, 0.25), draw.between(0.44, 0.56), draw.between(0.75, 0.85)]
    draw.rng.shuffle(pair)
    return pair


def _stand(draw: Draw, setting: Setting, plan: Plan, kind: ThingKind) -> Stand | None:
    """What carries this kind here; None where nothing can."""
    if setting is Setting.SPACE:
        return Stand((0.35, 0.8), (0.1, 0.75))
    if setting is Setting.PLAIN:
        floats = Place.GROUND not in kind.places and Place.TABLE not in kind.places and draw.chance(0.3)
        return Stand(plan.ground or (0.3, 0.6), (0.2, 0.4) if floats else None)
    if setting is Setting.UNDERWATER:
        if Place.UNDERWATER not in kind.places or (Place.GROUND in kind.places and draw.chance(0.8)):
            return Stand(plan.ground or (0.7, 0.9))
        return Stand(plan.under or (0.3, 0.7), (0.08, 0.7))
    choices: list[Stand] = []
    if plan.table and Place.TABLE in kind.places:
        return Stand(plan.table)
    if plan.water and Place.WATER in kind.places:
        choices.append(Stand(plan.water))
    if plan.ground and Place.GROUND in kind.places:
        choices.append(Stand(plan.ground))
    if Place.SKY in kind.places and plan.table is None:
        choices.append(_flight(kind, plan))
    if choices:
        return draw.pick(choices)
    return _unusual(draw, plan, kind)


def _flight(kind: ThingKind, plan: Plan) -> Stand:
    """Insects and balloons on strings fly low and near, birds higher, what is large far and high."""
    if kind.height < 0.6:
        near = plan.ground or plan.water or (0.5, 0.9)
        return Stand((max(0.55, near[0]), near[1]), (0.12, 0.5))
    return Stand((0.3, 0.8) if kind.height < 2 else (0.1, 0.75), (0.4, 0.85))


def _unusual(draw: Draw, plan: Plan, kind: ThingKind) -> Stand | None:
    """A thing that does not belong: it stands if it can, or else flies."""
    if plan.ground and Place.WATER not in kind.places and Place.UNDERWATER not in kind.places:
        return Stand(plan.ground)
    if plan.table:
        return Stand(plan.table)
    if plan.water and Place.GROUND in kind.places:
        return Stand(plan.water)  # the renderer gives it a rock to stand on
    return Stand((0.3, 0.7), (0.4, 0.75))


def _depth(draw: Draw, span: Span, kind: ThingKind) -> float:
    """Large things stand back, small ones in front; some of each stand far away or near on purpose."""
    low, high = span
    where = draw.rng.random()
    if where < 0.16 and kind.height > 0.5:
        share = (0.0, 0.1)
    elif where > 0.9 and kind.height < 8:
        share = (0.85, 1.0)
    elif kind.height >= 12:
        share = (0.0, 0.4)
    elif kind.height >= 5:
        share = (0.05, 0.55)
    elif kind.height >= 2:
        share = (0.2, 0.75)
    else:
        share = (0.45, 1.0)
    return low + (high - low) * draw.between(*share)


def _enter(stage: Stage, group: Group, stand: Stand, x: float, hero: bool) -> None:
    draw = stage.draw
    scale = draw.between(0.85, 1.2)
    if hero:
        scale *= draw.between(1.2, 1.8) if group.number == 1 else draw.between(1.05, 1.4)
        scale *= 1.2 if group.kind.height < 0.7 else 1.0
    if stage.setting is Setting.SPACE:
        scale *= draw.between(0.9, 1.5)
    scale = _modest(stage, group, stand, scale)
    for _ in range(6):
        depth = _depth(draw, stand.depth, group.kind)
        placed = (
            _row(stage, group, stand, x, depth, scale)
            if stand.lift is None
            else _flock(stage, group, stand, x, depth, scale)
        )
        if placed is not None:
            for thing, box in placed:
                stage.things.append(thing)
                stage.boxes.append(box)
            return
        scale = max(0.5, scale * 0.86)
        x += draw.between(-0.14, 0.14)


def _modest(stage: Stage, group: Group, stand: Stand, scale: float) -> float:
    """The scale, less where the nearest of the group would fill more than half of the picture."""
    box = stage.view.box(group.kind.key, 0.5, stand.depth[1], 0.0, scale)
    return scale / max(1.0, (box.bottom - box.top) / 0.5, (box.right - box.left) / 0.55)


Placed = list[tuple[Thing, Box]]


def _row(stage: Stage, group: Group, stand: Stand, x: float, depth: float, scale: float) -> Placed | None:
    """Side by side, loosely, at about one depth."""
    draw = stage.draw
    number = group.number
    one = stage.view.box(group.kind.key, 0.5, depth, 0.0, scale)
    step = (one.right - one.left) * draw.between(1.05, 1.4)
    half = step * (number - 1) / 2 + (one.right - one.left) / 2
    if half > 0.5 - EDGE * 0.5:
        return None
    x = min(1 - EDGE * 0.5 - half, max(EDGE * 0.5 + half, x))
    wobble = 0.0 if stage.setting is Setting.PLAIN else min(0.06, (stand.depth[1] - stand.depth[0]) / 4)
    out: Placed = []
    facing = draw.pick(tuple(Facing))
    for i in range(number):
        there = x + step * (i - (number - 1) / 2)
        d = min(stand.depth[1], max(stand.depth[0], depth + draw.between(-wobble, wobble)))
        box = stage.view.box(group.kind.key, there, d, 0.0, scale)
        if not stage.fits(box) or any(box.meets(b) for _, b in out):
            return None
        out.append((_thing(draw, group, there, d, 0.0, scale, facing), box))
    return out


def _flock(stage: Stage, group: Group, stand: Stand, x: float, depth: float, scale: float) -> Placed | None:
    """Scattered in the air, in water or in space, around x."""
    draw = stage.draw
    assert stand.lift is not None
    out: Placed = []
    facing = draw.pick(tuple(Facing))
    reach = 0.06 if group.number == 1 else 0.12 + 0.07 * group.number
    for _ in range(group.number):
        for _ in range(8):
            there = x + draw.between(-reach, reach)
            lift = draw.between(*stand.lift)
            d = min(1.0, max(0.0, depth + draw.between(-0.1, 0.1)))
            box = stage.view.box(group.kind.key, there, d, lift, scale)
            if stage.fits(box) and not any(box.meets(b, 0.0) for _, b in out):
                out.append((_thing(draw, group, there, d, lift, scale, facing), box))
                break
        else:
            return None
    return out


def _thing(draw: Draw, group: Group, x: float, depth: float, lift: float, scale: float, facing: Facing) -> Thing:
    if draw.chance(0.15):
        facing = Facing.LEFT if facing is Facing.RIGHT else Facing.RIGHT
    return Thing(
        kind=group.kind.key,
        x=x,
        depth=depth,
        lift=lift,
        scale=min(2.4, max(0.4, scale * draw.between(0.94, 1.06))),
        colour=group.colour,
        facing=facing,
        variant=draw.rng.random(),
        detail=draw.detail(),
    )
