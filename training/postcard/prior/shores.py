"""Settings by the water: sea, coasts, lakes, rivers, harbours."""

from collections.abc import Callable

from training.postcard.prior.draw import Draw
from training.postcard.prior.land import horizon
from training.postcard.prior.plan import Plan, any_trees, ground, hills, layer, mountains

from safelight.postcard.scenes.vocabulary import LayerKind, Setting


def sea(draw: Draw) -> Plan:
    """Nothing but water, sometimes a far coast."""
    layers = []
    if draw.chance(0.2):
        layers.append(layer(draw, LayerKind.ISLANDS, 0.0, draw.between(0.05, 0.12), draw.between(0.2, 0.5)))
    layers.append(layer(draw, LayerKind.SEA, 0.01, 0.0, roughness=(0.1, 0.9)))
    return Plan(horizon(draw, 0.45, 0.64), tuple(layers), water=(0.14, 0.78))


def beach(draw: Draw) -> Plan:
    """Sea, then sand; palms at one side or far islands."""
    layers = []
    if draw.chance(0.3):
        layers.append(layer(draw, LayerKind.ISLANDS, 0.0, draw.between(0.05, 0.14), draw.between(0.2, 0.5)))
    layers.append(layer(draw, LayerKind.SEA, 0.01, 0.0))
    shore = draw.between(0.42, 0.58)
    layers.append(ground(draw, LayerKind.SAND, shore))
    if draw.chance(0.35):
        layers.append(layer(draw, LayerKind.PALMS, shore + 0.08, draw.between(0.3, 0.55), draw.between(0.1, 0.35)))
    return Plan(horizon(draw, 0.42, 0.56), tuple(layers), ground=(shore + 0.1, 0.92), water=(0.1, shore - 0.1))


def cliffs(draw: Draw) -> Plan:
    """Cliffs over the sea."""
    layers = [
        layer(draw, LayerKind.SEA, 0.0, 0.0),
        layer(draw, LayerKind.CLIFFS, draw.between(0.12, 0.25), draw.between(0.22, 0.45), peak=draw.pick((0.12, 0.88))),
        ground(draw, draw.pick((LayerKind.GRASS, LayerKind.ROCKS)), draw.between(0.58, 0.68)),
    ]
    return Plan(horizon(draw, 0.46, 0.6), tuple(layers), ground=(0.72, 0.92), water=(0.28, 0.5))


def islands(draw: Draw) -> Plan:
    """Islands in the sea."""
    layers = [
        layer(draw, LayerKind.SEA, 0.0, 0.0),
        layer(draw, LayerKind.ISLANDS, draw.between(0.04, 0.1), draw.between(0.08, 0.16), draw.between(0.4, 0.9)),
        layer(draw, LayerKind.ISLANDS, draw.between(0.2, 0.32), draw.between(0.12, 0.26), draw.between(0.2, 0.5)),
    ]
    if draw.chance(0.4):
        layers.append(ground(draw, LayerKind.SAND, draw.between(0.76, 0.82)))
        return Plan(horizon(draw, 0.42, 0.56), tuple(layers), ground=(0.86, 0.94), water=(0.42, 0.66))
    return Plan(horizon(draw, 0.42, 0.56), tuple(layers), water=(0.42, 0.82))


def lake(draw: Draw) -> Plan:
    """A lake that mirrors mountains, hills or woods, and its near shore."""
    layers = [mountains(draw, 0.18, 0.4) if draw.chance(0.65) else hills(draw, 0.03, 0.18)]
    if draw.chance(0.7):
        layers.append(any_trees(draw, 0.08, 0.06, 0.16))
    layers.append(layer(draw, LayerKind.LAKE, draw.between(0.12, 0.2), 0.05, roughness=(0.0, 0.6)))
    if draw.chance(0.75):
        shore = draw.between(0.72, 0.8)
        layers.append(
            ground(draw, draw.weighted((LayerKind.GRASS, LayerKind.ROCKS, LayerKind.SAND), (0.65, 0.2, 0.15)), shore)
        )
        return Plan(horizon(draw, 0.46, 0.6), tuple(layers), ground=(shore + 0.06, 0.93), water=(0.27, shore - 0.1))
    return Plan(horizon(draw, 0.46, 0.6), tuple(layers), water=(0.27, 0.8))


def river(draw: Draw) -> Plan:
    """A river that winds to the lower edge through a valley."""
    layers = [mountains(draw, 0.16, 0.36) if draw.chance(0.6) else hills(draw, 0.02, 0.2)]
    if draw.chance(0.7):
        layers.append(any_trees(draw, 0.1, 0.07, 0.16))
    layers.append(ground(draw, LayerKind.GRASS, draw.between(0.16, 0.24)))
    layers.append(layer(draw, LayerKind.RIVER, draw.between(0.25, 0.3), 0.0, peak=draw.between(0.3, 0.7)))
    return Plan(horizon(draw, 0.42, 0.56), tuple(layers), ground=(0.42, 0.9), water=(0.5, 0.85))


def waterfall(draw: Draw) -> Plan:
    """Water falling into a pool between rocks and trees."""
    layers = [mountains(draw, 0.2, 0.36)] if draw.chance(0.4) else []
    layers.append(any_trees(draw, 0.04, 0.12, 0.24))
    layers.append(
        layer(draw, LayerKind.WATERFALL, draw.between(0.14, 0.3), draw.between(0.35, 0.6), peak=draw.between(0.3, 0.7))
    )
    layers.append(
        ground(draw, draw.pick((LayerKind.ROCKS, LayerKind.GRASS, LayerKind.BUSHES)), draw.between(0.68, 0.76))
    )
    return Plan(horizon(draw, 0.5, 0.62), tuple(layers), ground=(0.78, 0.93), water=(0.42, 0.62))


def harbour(draw: Draw) -> Plan:
    """Houses at the water, and a pier or a quay."""
    layers = [hills(draw, 0.0, 0.2)] if draw.chance(0.5) else []
    layers.append(
        layer(draw, LayerKind.HOUSES, draw.between(0.04, 0.1), draw.between(0.12, 0.24), draw.between(0.5, 1.0))
    )
    layers.append(layer(draw, LayerKind.SEA, draw.between(0.14, 0.2), 0.0, roughness=(0.0, 0.5)))
    if draw.chance(0.55):
        layers.append(layer(draw, LayerKind.PIER, draw.between(0.3, 0.45), 0.05, peak=draw.pick((0.2, 0.8))))
        return Plan(horizon(draw, 0.42, 0.56), tuple(layers), water=(0.28, 0.82))
    layers.append(ground(draw, LayerKind.ROCKS, draw.between(0.76, 0.82)))
    return Plan(horizon(draw, 0.42, 0.56), tuple(layers), ground=(0.85, 0.94), water=(0.28, 0.68))


SHORES: dict[Setting, Callable[[Draw], Plan]] = {
    Setting.SEA: sea,
    Setting.BEACH: beach,
    Setting.CLIFFS: cliffs,
    Setting.ISLANDS: islands,
    Setting.LAKE: lake,
    Setting.RIVER: river,
    Setting.WATERFALL: waterfall,
    Setting.HARBOUR: harbour,
}
