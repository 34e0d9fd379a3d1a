"""Settings of the land: mountains, fields, forests, deserts, ice."""

from collections.abc import Callable

from training.postcard.prior.draw import Draw
from training.postcard.prior.plan import Plan, any_trees, ground, hills, layer, mountains, trees

from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Setting

FLOWER_COLOURS = (
    Colour.NATURAL,
    Colour.NATURAL,
    Colour.RED,
    Colour.YELLOW,
    Colour.WHITE,
    Colour.PINK,
    Colour.PURPLE,
    Colour.ORANGE,
    Colour.BLUE,
)


def horizon(draw: Draw, low: float = 0.48, high: float = 0.66) -> float:
    """On the lower third or near the middle; lower still in a portrait, whose sky is high."""
    return draw.between(low, high) + (0.09 if draw.tall else 0.05)


def mountain_land(draw: Draw) -> Plan:
    """One or two ranges, perhaps foothills or woods, and a near meadow, snow or rocks."""
    layers = [mountains(draw, 0.26, 0.5)]
    if draw.chance(0.5):
        second = layer(draw, LayerKind.MOUNTAINS, 0.06, draw.between(0.14, 0.26), roughness=(0.4, 0.9))
        layers.append(second)
    if draw.chance(0.45):
        layers.append(hills(draw, 0.16))
    if draw.chance(0.5):
        layers.append(trees(draw, LayerKind.PINES, draw.between(0.22, 0.36), 0.07, 0.16))
    if draw.chance(0.75):
        cover = draw.weighted((LayerKind.GRASS, LayerKind.ROCKS, LayerKind.HILLS), (0.6, 0.15, 0.25))
        layers.append(ground(draw, cover, draw.between(0.42, 0.56)))
    return Plan(horizon(draw), tuple(layers), ground=(0.36, 0.9))


def hill_land(draw: Draw) -> Plan:
    """Waves of hills, with woods or single trees' crowns between them."""
    layers = [mountains(draw, 0.14, 0.28)] if draw.chance(0.35) else []
    layers += [hills(draw, 0.03, 0.22), hills(draw, 0.18, 0.18)]
    if draw.chance(0.55):
        layers.append(any_trees(draw, 0.27, 0.06, 0.15))
    near = draw.weighted((LayerKind.HILLS, LayerKind.GRASS, LayerKind.FLOWERS), (0.6, 0.25, 0.15))
    layers.append(
        layer(
            draw, near, draw.between(0.4, 0.52), draw.between(0.05, 0.14), draw.between(0.2, 0.6), roughness=(0.0, 0.4)
        )
    )
    return Plan(horizon(draw), tuple(layers), ground=(0.24, 0.9))


def meadow(draw: Draw) -> Plan:
    """Wide grass, with hills or woods far behind, some flowers, bushes or a path."""
    layers = [mountains(draw, 0.1, 0.24) if draw.chance(0.25) else hills(draw, 0.02, 0.15)]
    if draw.chance(0.65):
        layers.append(any_trees(draw, 0.12, 0.06, 0.15))
    layers.append(ground(draw, LayerKind.GRASS, draw.between(0.2, 0.28)))
    extra = draw.rng.random()
    if extra < 0.3:
        layers.append(layer(draw, LayerKind.PATH, 0.3, 0.0))
    elif extra < 0.55:
        layers.append(layer(draw, LayerKind.FLOWERS, draw.between(0.5, 0.65), 0.02, draw.between(0.15, 0.45)))
    elif extra < 0.7:
        layers.append(layer(draw, LayerKind.BUSHES, draw.between(0.3, 0.36), draw.between(0.04, 0.08), 0.3))
    return Plan(horizon(draw, 0.45, 0.6), tuple(layers), ground=(0.3, 0.9))


def flower_field(draw: Draw) -> Plan:
    """Flowers to the lower edge: wild ones, tulips, lavender or sunflowers."""
    layers = [mountains(draw, 0.1, 0.25) if draw.chance(0.3) else hills(draw, 0.02, 0.15)]
    if draw.chance(0.4):
        layers.append(any_trees(draw, 0.1, 0.05, 0.11))
    kinds = (LayerKind.FLOWERS, LayerKind.TULIPS, LayerKind.LAVENDER, LayerKind.SUNFLOWERS)
    kind = draw.weighted(kinds, (0.34, 0.24, 0.22, 0.2))
    fixed = kind in (LayerKind.LAVENDER, LayerKind.SUNFLOWERS)
    colour = Colour.NATURAL if fixed else draw.pick(FLOWER_COLOURS)
    layers.append(
        layer(draw, kind, draw.between(0.12, 0.25), draw.between(0.01, 0.08), draw.between(0.6, 1.0), None, colour)
    )
    return Plan(horizon(draw, 0.42, 0.58), tuple(layers), ground=(0.3, 0.88))


def forest(kind: LayerKind) -> Callable[[Draw], Plan]:
    """A forest of one kind of tree: bands that grow taller towards the eye, and a clearing."""

    def plan(draw: Draw) -> Plan:
        layers = []
        if draw.chance(0.3):
            layers.append(mountains(draw, 0.25, 0.42))
        layers.append(trees(draw, kind, draw.between(0.02, 0.1), 0.16, 0.3))
        layers.append(trees(draw, kind, draw.between(0.16, 0.28), 0.26, 0.45))
        cover = draw.weighted((LayerKind.GRASS, LayerKind.HILLS, LayerKind.BUSHES), (0.75, 0.15, 0.1))
        layers.append(ground(draw, cover, draw.between(0.34, 0.46)))
        if draw.chance(0.3):
            layers.append(layer(draw, LayerKind.PATH, 0.47, 0.0, peak=draw.between(0.35, 0.65)))
        elif draw.chance(0.3):
            layers.append(layer(draw, kind, draw.between(0.47, 0.55), draw.between(0.5, 0.85), draw.between(0.2, 0.45)))
        return Plan(horizon(draw, 0.46, 0.6), tuple(layers), ground=(0.52, 0.9))

    return plan


def jungle(draw: Draw) -> Plan:
    """Dense green in bands, palms among it, sometimes a river."""
    layers = [
        layer(draw, LayerKind.JUNGLE, draw.between(0.02, 0.1), draw.between(0.25, 0.45), draw.between(0.6, 1.0)),
        trees(draw, LayerKind.PALMS, draw.between(0.14, 0.24), 0.3, 0.5),
        layer(draw, LayerKind.JUNGLE, draw.between(0.28, 0.38), draw.between(0.15, 0.3), draw.between(0.6, 1.0)),
        ground(draw, draw.pick((LayerKind.GRASS, LayerKind.BUSHES)), draw.between(0.45, 0.55)),
    ]
    return Plan(horizon(draw, 0.45, 0.58), tuple(layers), ground=(0.58, 0.9))


def desert(draw: Draw) -> Plan:
    """Dunes behind dunes."""
    layers = []
    if draw.chance(0.25):
        layers.append(layer(draw, LayerKind.MESAS, 0.02, draw.between(0.1, 0.22)))
    layers += [layer(draw, LayerKind.DUNES, d, draw.between(0.09, 0.24)) for d in (0.03, draw.between(0.18, 0.28))]
    if draw.chance(0.25):
        layers.append(
            layer(draw, LayerKind.CACTI, draw.between(0.3, 0.4), draw.between(0.08, 0.18), draw.between(0.2, 0.6))
        )
    layers.append(layer(draw, LayerKind.DUNES, draw.between(0.45, 0.58), draw.between(0.04, 0.1)))
    return Plan(horizon(draw, 0.46, 0.62), tuple(layers), ground=(0.3, 0.9))


def oasis(draw: Draw) -> Plan:
    """A lake between dunes, palms at its edge."""
    layers = (
        layer(draw, LayerKind.DUNES, 0.03, draw.between(0.1, 0.2)),
        layer(draw, LayerKind.DUNES, 0.12, draw.between(0.04, 0.1)),
        trees(draw, LayerKind.PALMS, draw.between(0.2, 0.26), 0.25, 0.42),
        layer(draw, LayerKind.LAKE, draw.between(0.3, 0.36), 0.05),
        ground(draw, LayerKind.SAND, draw.between(0.68, 0.76)),
    )
    return Plan(horizon(draw, 0.46, 0.58), layers, ground=(0.78, 0.92), water=(0.42, 0.6))


def canyon(draw: Draw) -> Plan:
    """Mesas and red rock, often a river between."""
    layers = [
        layer(draw, LayerKind.MESAS, 0.0, draw.between(0.18, 0.34)),
        layer(draw, LayerKind.MESAS, draw.between(0.1, 0.2), draw.between(0.14, 0.28)),
    ]
    if draw.chance(0.45):
        layers.append(
            layer(draw, LayerKind.CLIFFS, draw.between(0.28, 0.36), draw.between(0.14, 0.3), peak=draw.pick((0.1, 0.9)))
        )
    if draw.chance(0.5):
        layers.append(ground(draw, draw.pick((LayerKind.SAND, LayerKind.DUNES)), draw.between(0.38, 0.45)))
        if draw.chance(0.6):
            layers.append(layer(draw, LayerKind.RIVER, 0.46, 0.0, peak=draw.between(0.35, 0.65)))
    else:
        layers.append(ground(draw, LayerKind.SAND, draw.between(0.42, 0.52)))
    return Plan(horizon(draw, 0.5, 0.64), tuple(layers), ground=(0.46, 0.9))


def tundra(draw: Draw) -> Plan:
    """Snow and ice, perhaps with icebergs in a dark sea."""
    if draw.chance(0.4):
        layers = [
            layer(draw, LayerKind.SEA, 0.0, 0.0),
            layer(draw, LayerKind.ICEBERGS, draw.between(0.08, 0.2), draw.between(0.12, 0.26), draw.between(0.3, 0.8)),
            ground(draw, LayerKind.SNOW, draw.between(0.5, 0.6)),
        ]
        return Plan(horizon(draw, 0.46, 0.6), tuple(layers), ground=(0.64, 0.9), water=(0.2, 0.42))
    layers = [mountains(draw, 0.14, 0.36)]
    if draw.chance(0.5):
        layers.append(
            layer(draw, LayerKind.ICEBERGS, draw.between(0.08, 0.16), draw.between(0.08, 0.2), draw.between(0.2, 0.7))
        )
    layers.append(ground(draw, LayerKind.SNOW, 0.15))
    if draw.chance(0.35):
        layers.append(trees(draw, LayerKind.PINES, draw.between(0.22, 0.32), 0.07, 0.15))
    layers.append(ground(draw, LayerKind.SNOW, draw.between(0.4, 0.5)))
    return Plan(horizon(draw, 0.48, 0.62), tuple(layers), ground=(0.32, 0.9))


def volcano(draw: Draw) -> Plan:
    """A cone that stands over its land."""
    layers = [layer(draw, LayerKind.VOLCANO, 0.02, draw.between(0.32, 0.55), peak=draw.third())]
    if draw.chance(0.3):
        layers.append(layer(draw, LayerKind.SEA, 0.12, 0.0))
        layers.append(ground(draw, LayerKind.SAND, draw.between(0.6, 0.7)))
        return Plan(horizon(draw, 0.54, 0.66), tuple(layers), ground=(0.72, 0.92), water=(0.22, 0.5))
    layers.append(draw.pick((hills(draw, 0.14), layer(draw, LayerKind.JUNGLE, 0.18, draw.between(0.08, 0.18), 0.7))))
    layers.append(ground(draw, draw.pick((LayerKind.ROCKS, LayerKind.GRASS)), draw.between(0.4, 0.5)))
    return Plan(horizon(draw, 0.56, 0.68), tuple(layers), ground=(0.5, 0.9))


LAND: dict[Setting, Callable[[Draw], Plan]] = {
    Setting.MOUNTAINS: mountain_land,
    Setting.HILLS: hill_land,
    Setting.MEADOW: meadow,
    Setting.FLOWER_FIELD: flower_field,
    Setting.PINE_FOREST: forest(LayerKind.PINES),
    Setting.BROADLEAF_FOREST: forest(LayerKind.BROADLEAVES),
    Setting.BIRCH_FOREST: forest(LayerKind.BIRCHES),
    Setting.JUNGLE: jungle,
    Setting.DESERT: desert,
    Setting.OASIS: oasis,
    Setting.CANYON: canyon,
    Setting.TUNDRA: tundra,
    Setting.VOLCANO: volcano,
}
