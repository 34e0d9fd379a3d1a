"""Settings that people have made: villages, cities, farms, gardens."""

from collections.abc import Callable

from training.postcard.prior.draw import Draw
from training.postcard.prior.land import FLOWER_COLOURS, horizon
from training.postcard.prior.plan import Plan, any_trees, ground, hills, layer, mountains, trees

from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Setting


def village(draw: Draw) -> Plan:
    """Houses among hills."""
    layers = [mountains(draw, 0.16, 0.36) if draw.chance(0.5) else hills(draw, 0.02, 0.2)]
    if draw.chance(0.5):
        layers.append(any_trees(draw, 0.12, 0.08, 0.16))
    layers.append(
        layer(draw, LayerKind.HOUSES, draw.between(0.22, 0.32), draw.between(0.13, 0.24), draw.between(0.35, 0.85))
    )
    layers.append(ground(draw, LayerKind.GRASS, draw.between(0.4, 0.48)))
    if draw.chance(0.4):
        layers.append(layer(draw, LayerKind.PATH, 0.49, 0.0, peak=draw.between(0.3, 0.7)))
    return Plan(horizon(draw, 0.46, 0.6), tuple(layers), ground=(0.54, 0.9))


def city(draw: Draw) -> Plan:
    """A skyline, behind water, a park or a street."""
    layers = [layer(draw, LayerKind.SKYLINE, 0.0, draw.between(0.3, 0.55), draw.between(0.5, 1.0))]
    if draw.chance(0.55):
        layers.append(
            layer(draw, LayerKind.SKYLINE, draw.between(0.12, 0.22), draw.between(0.18, 0.38), draw.between(0.4, 0.9))
        )
    front = draw.rng.random()
    if front < 0.35:
        layers.append(layer(draw, draw.pick((LayerKind.LAKE, LayerKind.SEA)), draw.between(0.28, 0.4), 0.0))
        return Plan(horizon(draw, 0.54, 0.7), tuple(layers), water=(0.5, 0.8))
    cover = LayerKind.GRASS if front < 0.6 else LayerKind.STREET
    if cover is LayerKind.STREET:
        layers.append(ground(draw, LayerKind.GRASS, draw.between(0.3, 0.4)))
        layers.append(layer(draw, LayerKind.STREET, 0.41, 0.0, peak=draw.between(0.35, 0.65)))
    else:
        layers.append(ground(draw, cover, draw.between(0.35, 0.45)))
    return Plan(horizon(draw, 0.54, 0.7), tuple(layers), ground=(0.5, 0.9))


def street(draw: Draw) -> Plan:
    """A street between houses."""
    layers = []
    if draw.chance(0.45):
        layers.append(layer(draw, LayerKind.SKYLINE, 0.0, draw.between(0.25, 0.45), draw.between(0.4, 0.9)))
    layers.append(
        layer(draw, LayerKind.HOUSES, draw.between(0.08, 0.18), draw.between(0.28, 0.5), draw.between(0.6, 1.0))
    )
    if draw.chance(0.25):
        layers.append(trees(draw, LayerKind.BROADLEAVES, 0.24, 0.14, 0.24))
    layers.append(layer(draw, LayerKind.STREET, draw.between(0.26, 0.34), 0.0, peak=draw.between(0.4, 0.6)))
    return Plan(horizon(draw, 0.5, 0.62), tuple(layers), ground=(0.45, 0.88))


def farm(draw: Draw) -> Plan:
    """Fields in rows, a fence, hills."""
    layers = [hills(draw, 0.02, 0.16)]
    if draw.chance(0.5):
        layers.append(any_trees(draw, 0.12, 0.05, 0.12))
    layers.append(
        layer(draw, LayerKind.CROPS, draw.between(0.16, 0.24), draw.between(0.01, 0.05), draw.between(0.5, 1.0))
    )
    layers.append(ground(draw, LayerKind.GRASS, draw.between(0.42, 0.52)))
    if draw.chance(0.5):
        layers.append(layer(draw, LayerKind.FENCE, draw.between(0.53, 0.58), draw.between(0.05, 0.1), 0.5))
    return Plan(horizon(draw, 0.44, 0.58), tuple(layers), ground=(0.56, 0.9))


def garden(draw: Draw) -> Plan:
    """Bushes, flowers, a path, often a fence."""
    layers = [trees(draw, LayerKind.BROADLEAVES, 0.04, 0.14, 0.26)] if draw.chance(0.7) else [hills(draw, 0.03)]
    if draw.chance(0.5):
        layers.append(layer(draw, LayerKind.FENCE, 0.14, draw.between(0.07, 0.12), 0.6))
    layers.append(
        layer(draw, LayerKind.BUSHES, draw.between(0.18, 0.26), draw.between(0.06, 0.13), draw.between(0.5, 0.9))
    )
    kind = draw.weighted((LayerKind.FLOWERS, LayerKind.TULIPS, LayerKind.LAVENDER), (0.6, 0.25, 0.15))
    colour = Colour.NATURAL if kind is LayerKind.LAVENDER else draw.pick(FLOWER_COLOURS)
    layers.append(
        layer(draw, kind, draw.between(0.34, 0.44), draw.between(0.01, 0.06), draw.between(0.4, 0.9), None, colour)
    )
    if len(layers) < 5 and draw.chance(0.5):
        layers.append(layer(draw, LayerKind.PATH, 0.45, 0.0, peak=draw.between(0.35, 0.65)))
    return Plan(horizon(draw, 0.42, 0.54), tuple(layers), ground=(0.5, 0.9))


def park(draw: Draw) -> Plan:
    """Lawns, trees in groups, a path, sometimes towers behind."""
    layers = [layer(draw, LayerKind.SKYLINE, 0.0, draw.between(0.15, 0.3), 0.6)] if draw.chance(0.35) else []
    layers.append(trees(draw, LayerKind.BROADLEAVES, draw.between(0.08, 0.16), 0.16, 0.3))
    layers.append(ground(draw, LayerKind.GRASS, draw.between(0.24, 0.32)))
    if draw.chance(0.3):
        layers.append(layer(draw, LayerKind.LAKE, draw.between(0.36, 0.42), 0.0))
        layers.append(ground(draw, LayerKind.GRASS, draw.between(0.64, 0.7)))
        return Plan(horizon(draw, 0.44, 0.56), tuple(layers), ground=(0.74, 0.92), water=(0.44, 0.58))
    if draw.chance(0.75):
        layers.append(layer(draw, LayerKind.PATH, draw.between(0.32, 0.4), 0.0, peak=draw.between(0.3, 0.7)))
    return Plan(horizon(draw, 0.44, 0.56), tuple(layers), ground=(0.44, 0.9))


TOWNS: dict[Setting, Callable[[Draw], Plan]] = {
    Setting.VILLAGE: village,
    Setting.CITY: city,
    Setting.STREET: street,
    Setting.FARM: farm,
    Setting.GARDEN: garden,
    Setting.PARK: park,
}
