"""Settings indoors, in space, under water, on plain grounds and out of this world."""

from collections.abc import Callable

from training.postcard.prior.draw import Draw
from training.postcard.prior.land import horizon
from training.postcard.prior.plan import Plan, any_trees, ground, hills, layer, mountains, trees

from safelight.postcard.scenes.scene import Layer
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Setting


def space(draw: Draw) -> Plan:
    """Nothing to stand on."""
    return Plan(0.6, ())


def planet(draw: Draw) -> Plan:
    """Strange ground under a sky full of stars."""
    layers = [
        layer(draw, draw.pick((LayerKind.MOUNTAINS, LayerKind.MESAS, LayerKind.DUNES)), 0.0, draw.between(0.1, 0.32))
    ]
    if draw.chance(0.35):
        layers.append(layer(draw, LayerKind.MESAS, 0.12, draw.between(0.06, 0.16)))
    near = draw.weighted((LayerKind.CRATERS, LayerKind.DUNES), (0.8, 0.2))
    layers.append(ground(draw, near, draw.between(0.2, 0.35)))
    return Plan(horizon(draw, 0.52, 0.68), tuple(layers), ground=(0.42, 0.9))


def underwater(draw: Draw) -> Plan:
    """The floor of the sea, corals and kelp."""
    layers = []
    if draw.chance(0.35):
        layers.append(layer(draw, LayerKind.ROCKS, draw.between(0.25, 0.35), draw.between(0.1, 0.25)))
    layers.append(ground(draw, LayerKind.SEABED, draw.between(0.45, 0.6)))
    if draw.chance(0.75):
        layers.append(
            layer(draw, LayerKind.CORALS, draw.between(0.62, 0.74), draw.between(0.1, 0.24), draw.between(0.4, 1.0))
        )
    if draw.chance(0.5):
        layers.append(
            layer(draw, LayerKind.KELP, draw.between(0.75, 0.85), draw.between(0.25, 0.6), draw.between(0.2, 0.6))
        )
    return Plan(draw.between(0.3, 0.5), tuple(layers), ground=(0.66, 0.92), under=(0.25, 0.75))


def table(draw: Draw) -> Plan:
    """A table before a wall."""
    layers = (
        layer(draw, LayerKind.WALL, 0.0, 0.0, colour=_wall_colour(draw)),
        layer(draw, LayerKind.TABLE, draw.between(0.0, 0.12), 0.0, colour=_table_colour(draw)),
    )
    return Plan(draw.between(0.54, 0.64), layers, table=(0.1, 0.85))


def window(draw: Draw) -> Plan:
    """A table before a window that looks out on a landscape."""
    layers: list[Layer] = []
    view = draw.rng.random()
    if view < 0.3:
        layers += [mountains(draw, 0.15, 0.35), hills(draw, 0.1, 0.14)]
    elif view < 0.5:
        layers += [layer(draw, LayerKind.SKYLINE, 0.0, draw.between(0.2, 0.4), 0.7)]
    elif view < 0.75:
        layers += [layer(draw, LayerKind.SEA, 0.0, 0.0)]
    else:
        layers += [hills(draw, 0.0, 0.15), any_trees(draw, 0.1, 0.1, 0.2)]
    layers.append(layer(draw, LayerKind.WINDOW, 0.0, 0.5, peak=draw.pick((0.5, 0.35, 0.65)), colour=_wall_colour(draw)))
    layers.append(layer(draw, LayerKind.TABLE, draw.between(0.3, 0.42), 0.0, colour=_table_colour(draw)))
    return Plan(draw.between(0.54, 0.62), tuple(layers), table=(0.1, 0.85))


def _wall_colour(draw: Draw) -> Colour:
    walls = (Colour.NATURAL, Colour.CREAM, Colour.BEIGE, Colour.TEAL, Colour.LIGHT_BLUE, Colour.GREY, Colour.PINK)
    return draw.pick(walls)


def _table_colour(draw: Draw) -> Colour:
    return draw.weighted((Colour.NATURAL, Colour.BROWN, Colour.WHITE, Colour.BEIGE), (0.6, 0.2, 0.1, 0.1))


def plain(draw: Draw) -> Plan:
    """A background of one colour."""
    return Plan(0.5, (), ground=(0.3, 0.6))


def fantasy(draw: Draw) -> Plan:
    """Floating isles, seas of cloud, glowing mushrooms."""
    kind = draw.rng.random()
    if kind < 0.4:
        layers = [mountains(draw, 0.12, 0.3)] if draw.chance(0.3) else []
        layers.append(layer(draw, LayerKind.FLOATING_ISLES, 0.1, draw.between(0.3, 0.6), draw.between(0.3, 0.9)))
        layers.append(layer(draw, LayerKind.CLOUD_SEA, draw.between(0.35, 0.55), draw.between(0.05, 0.15)))
        return Plan(horizon(draw, 0.5, 0.66), tuple(layers))
    layers = [mountains(draw, 0.2, 0.4) if draw.chance(0.6) else trees(draw, LayerKind.PINES, 0.03, 0.2, 0.35)]
    if draw.chance(0.3):
        layers.append(layer(draw, LayerKind.FLOATING_ISLES, 0.05, draw.between(0.3, 0.5), draw.between(0.2, 0.6)))
    if kind < 0.8:
        glowing = LayerKind.GLOWING_MUSHROOMS if draw.chance(0.7) else LayerKind.MUSHROOMS
        layers.append(layer(draw, glowing, draw.between(0.2, 0.32), draw.between(0.12, 0.3), draw.between(0.3, 0.8)))
    layers.append(
        ground(draw, draw.pick((LayerKind.GRASS, LayerKind.ROCKS, LayerKind.HILLS)), draw.between(0.38, 0.48))
    )
    return Plan(horizon(draw, 0.48, 0.62), tuple(layers), ground=(0.52, 0.9))


ELSEWHERE: dict[Setting, Callable[[Draw], Plan]] = {
    Setting.SPACE: space,
    Setting.PLANET: planet,
    Setting.UNDERWATER: underwater,
    Setting.TABLE: table,
    Setting.WINDOW: window,
    Setting.PLAIN: plain,
    Setting.FANTASY: fantasy,
}
