"""What a setting gives to stand on: its layers, and where in depth its ground, water and table lie."""

from dataclasses import dataclass

from training.postcard.prior.draw import Draw

from safelight.postcard.scenes.scene import Layer
from safelight.postcard.scenes.vocabulary import Colour, LayerKind

Span = tuple[float, float]
"""A range of depth, from far to near."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The stage of one setting, before anybody enters. A span that is None is not there."""

    horizon: float
    layers: tuple[Layer, ...]
    ground: Span | None = None
    water: Span | None = None
    under: Span | None = None
    table: Span | None = None


def layer(
    draw: Draw,
    kind: LayerKind,
    depth: float,
    height: float,
    density: float = 0.5,
    peak: float | None = None,
    colour: Colour = Colour.NATURAL,
    roughness: tuple[float, float] = (0.25, 0.75),
) -> Layer:
    """A layer with what the setting has no wish about left to chance."""
    return Layer(
        kind=kind,
        depth=depth,
        height=height,
        roughness=draw.between(*roughness),
        density=density,
        peak=draw.between(0.15, 0.85) if peak is None else peak,
        hue=draw.between(-0.6, 0.6),
        colour=colour,
        detail=draw.detail(),
    )


def mountains(draw: Draw, low: float = 0.2, high: float = 0.45) -> Layer:
    """A far range."""
    return layer(draw, LayerKind.MOUNTAINS, draw.between(0.0, 0.04), draw.between(low, high), roughness=(0.4, 0.9))


def hills(draw: Draw, depth: float = 0.1, high: float = 0.17) -> Layer:
    """A line of hills in the middle distance."""
    height = draw.between(0.06, high)
    return layer(draw, LayerKind.HILLS, depth + draw.between(0.0, 0.05), height, roughness=(0.05, 0.5))


def ground(draw: Draw, kind: LayerKind, depth: float, density: tuple[float, float] = (0.25, 0.8)) -> Layer:
    """A cover of the near ground: grass, sand, snow, rocks …"""
    return layer(draw, kind, depth, draw.between(0.01, 0.08), draw.between(*density))


def trees(draw: Draw, kind: LayerKind, depth: float, low: float, high: float) -> Layer:
    """A band of trees of this height."""
    return layer(draw, kind, depth, draw.between(low, high), draw.between(0.4, 0.9))


WOODS = (LayerKind.PINES, LayerKind.BROADLEAVES, LayerKind.BIRCHES)


def any_trees(draw: Draw, depth: float, low: float = 0.06, high: float = 0.14) -> Layer:
    """A far wood of some kind."""
    return trees(draw, draw.weighted(WOODS, (0.5, 0.38, 0.12)), depth, low, high)
