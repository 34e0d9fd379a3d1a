"""Drawing one placed thing: its reflection or shadow, then itself, in a group named by what it is."""

# Tested in tests/postcard/render/test_compose.py.

from safelight.postcard.render.figures.drawings import DRAWINGS, GLIDING
from safelight.postcard.render.figures.icons import draw_icon
from safelight.postcard.render.ground.relief import grass
from safelight.postcard.render.paper.canvas import Line, ellipse, num, poly
from safelight.postcard.render.paper.colour import BLACK, mix, rgb, scale
from safelight.postcard.render.placing import Placed
from safelight.postcard.render.stage import Pen, Stage
from safelight.postcard.scenes.vocabulary import Facing, Place, Season, Setting


def draw_thing(stage: Stage, number: int, placed: Placed) -> None:
    """The thing with what ties it to its place: a shadow on the ground, a mirror image in water, an islet at sea."""
    if stage.look.set_aside is not None:
        _set_aside(stage, number, placed, stage.look.set_aside)
    else:
        _draw(stage, number, placed)


def _set_aside(stage: Stage, number: int, placed: Placed, line: Line) -> None:
    """Draws the thing in outlines of its own and keeps it for the end."""
    canvas, mark = stage.canvas, len(stage.canvas.body)
    canvas.line = line
    _draw(stage, number, placed)
    canvas.line = stage.look.line
    stage.figures.append(canvas.since(mark))
    del canvas.body[mark:]


def _draw(stage: Stage, number: int, placed: Placed) -> None:
    canvas, key = stage.canvas, placed.kind.key
    distance = _distance(stage, placed)
    if placed.islet:
        _islet(stage, placed, distance)
    name = f"thing-{number}-{key.replace('_', '-')}"
    unit = placed.size / 100
    if placed.carried is Place.WATER and not placed.islet:
        turn = f"translate(0 {num(placed.y * 1.62)}) scale(1 -0.62)"
        canvas.body.append(f'<g class="reflection" opacity="0.3"><use href="#{name}" transform="{turn}"/></g>')
    elif placed.carried in (Place.GROUND, Place.TABLE) and key not in GLIDING and not _floats(stage, placed):
        _shadow(stage, placed)
    flip = -1 if placed.thing.facing is Facing.RIGHT else 1
    group = canvas.group(f'id="{name}" class="thing" data-kind="{key}"')
    with group, canvas.scaled(placed.x, placed.y, flip * unit, unit):
        rng = stage.rng("thing" + key, placed.thing.detail)
        pen = Pen(stage, distance, placed.thing.colour, flip < 0, rng, placed.thing.variant, scale=unit)
        draw = DRAWINGS.get(key)
        if draw is not None:
            draw[0](pen)
        else:
            draw_icon(pen, placed.kind.icon or key)
    if placed.carried is Place.WATER:
        _waterline(stage, placed)
    elif placed.carried is Place.GROUND and not placed.islet and key not in GLIDING:
        _root(stage, placed, distance)


_TURF = frozenset(
    {
        Setting.MOUNTAINS,
        Setting.HILLS,
        Setting.MEADOW,
        Setting.FLOWER_FIELD,
        Setting.PINE_FOREST,
        Setting.BROADLEAF_FOREST,
        Setting.BIRCH_FOREST,
        Setting.JUNGLE,
        Setting.CLIFFS,
        Setting.LAKE,
        Setting.RIVER,
        Setting.VILLAGE,
        Setting.FARM,
        Setting.GARDEN,
        Setting.PARK,
        Setting.FANTASY,
    }
)
"""Settings where things stand in grass."""


def _root(stage: Stage, placed: Placed, distance: float) -> None:
    """Grass before the foot of what stands in it, snow where it lies: nothing stands on the ground like cut paper."""
    world, light, canvas = stage.world, stage.light, stage.canvas
    rng, half, y = stage.rng("root", placed.thing.detail + 0.01 * placed.x), placed.half * 0.92, placed.y
    if world.setting not in _TURF or placed.size < 26:
        return
    if world.season is Season.WINTER:
        drift = _mound(placed.x, y + 2, half * 1.1, max(3.0, placed.size * 0.045))
        canvas.path(drift, light.land(grass(world.season), distance * 0.6, 0.3), 0.9, outlined=False)
        return
    blades: dict[int, list[str]] = {0: [], 1: []}
    high = 10 + 0.05 * min(placed.size, 260.0)
    for k in range(min(44, 7 + int(half / 5))):
        x = placed.x + rng.uniform(-1, 1) * half
        long, lean = high * rng.uniform(0.4, 1.2), rng.gauss(0, 0.3)
        foot = y + rng.uniform(1, 5)
        blades[k % 3 == 0].append(
            f"M{num(x - 1.8)} {num(foot)}L{num(x + lean * long)} {num(foot - long)}L{num(x + 1.8)} {num(foot)}Z"
        )
    colour = grass(world.season)
    for lit, parts in blades.items():
        tone = light.land(scale(colour, 0.95 if lit else 0.74), distance * 0.6, 0.5 if lit else -0.3)
        canvas.path("".join(parts), tone, outlined=False)


def _mound(x: float, y: float, half: float, high: float) -> str:
    """A low mound around (x, y)."""
    return (
        f"M{num(x - half)} {num(y)}Q{num(x - half * 0.4)} {num(y - high)} {num(x)} {num(y - high * 0.5)}"
        f"Q{num(x + half * 0.5)} {num(y - high * 1.1)} {num(x + half)} {num(y)}"
        f"Q{num(x)} {num(y + high)} {num(x - half)} {num(y)}Z"
    )


def _floats(stage: Stage, placed: Placed) -> bool:
    """Whether it hangs before a plain background, where nothing carries it."""
    return stage.world.setting is Setting.PLAIN and placed.thing.lift > 0.06


def _distance(stage: Stage, placed: Placed) -> float:
    if stage.world.setting in (Setting.PLAIN, Setting.SPACE) or placed.carried is Place.TABLE:
        return 0.0
    if placed.carried is Place.SKY:
        return 0.45 * (1 - placed.depth)
    return 0.75 * (1 - placed.depth)


def _shadow(stage: Stage, placed: Placed) -> None:
    """A dark contact under the foot and a longer, fainter shadow away from the sun."""
    canvas, light = stage.canvas, stage.light
    tone = mix(scale(light.mood.land[-1], 0.55), BLACK, 0.3)
    soft = 0.35 if stage.world.setting is Setting.PLAIN else 0.5
    reach, flat = placed.half * 1.12, max(3.0, placed.half * 0.2)
    lean = (placed.x - light.sun_x * stage.frame.width) / stage.frame.width
    away = max(-1.0, min(1.0, lean * 2)) * placed.half * 0.9
    long = (0.25 + 0.75 * (1 - light.fog)) * (1 - 0.5 * stage.dark)
    canvas.path(
        ellipse(placed.x + away, placed.y + flat * 0.3, reach * 1.35, flat * 1.15),
        canvas.soft(tone, soft * 0.8 * long),
        outlined=False,
    )
    canvas.path(ellipse(placed.x, placed.y, reach * 0.86, flat * 0.62), canvas.soft(tone, soft * 1.3), outlined=False)


def _waterline(stage: Stage, placed: Placed) -> None:
    """The bright and dark ripple at a hull."""
    canvas, half = stage.canvas, placed.half
    light = mix(stage.light.mood.sky[-1], (1.0, 1.0, 1.0), 0.45)
    dark = stage.light.mood.land[-1]
    lens = (
        f"M{num(placed.x - half * 1.05)} {num(placed.y + 1)}"
        f"q{num(half)} {num(-half * 0.07 - 1)} {num(half * 2.1)} 0"
        f"q{num(-half)} {num(half * 0.09 + 2)} {num(-half * 2.1)} 0Z"
    )
    canvas.path(lens, light, 0.55, outlined=False)
    under = (
        f"M{num(placed.x - half * 0.8)} {num(placed.y + half * 0.1 + 3)}"
        f"q{num(half * 0.8)} {num(half * 0.06)} {num(half * 1.6)} 0"
        f"q{num(-half * 0.8)} {num(half * 0.1)} {num(-half * 1.6)} 0Z"
    )
    canvas.path(under, dark, 0.3, outlined=False)


def _islet(stage: Stage, placed: Placed, distance: float) -> None:
    """A low rock that carries what cannot swim, turf on its top, foam around it."""
    rng, light, canvas = stage.rng("islet", placed.thing.detail), stage.light, stage.canvas
    wide, x, y = placed.half * 1.5 + 14, placed.x, placed.y
    high = wide * 0.2
    foam = mix(light.mood.sky[-1], (1.0, 1.0, 1.0), 0.5)
    canvas.path(ellipse(x, y + high, wide * 1.12, high * 0.4), foam, 0.6, outlined=False)
    shares = (-1.0, -0.86, -0.6, -0.2, 0.25, 0.62, 0.88, 1.0)
    top = [(x + wide * k, y + high * (0.95 if abs(k) == 1 else 0.5 * k**4 + rng.uniform(-0.06, 0.05))) for k in shares]
    low = [(x + wide * k, y + high * (1.0 + 0.12 * (1 - k * k))) for k in (0.7, 0.2, -0.3, -0.75)]
    rock = rgb("#8d8478")
    canvas.path(poly([*top, *low]), light.thing(rock, distance, -0.5))
    cut = 5 if light.side > 0 else 3
    lit = [*top[cut - 1 :], (x + wide * 0.4, y + high)] if light.side > 0 else [*top[:cut], (x - wide * 0.4, y + high)]
    canvas.path(poly(lit), light.thing(rock, distance, 0.5), outlined=False)
    turf = [*top[1:-1], *((px, py + high * 0.22) for px, py in reversed(top[2:-2]))]
    canvas.path(poly(turf), light.thing(rgb("#93a564"), distance, 0.3), outlined=False)
