"""What grows or lies in the near ground, so that no picture has an empty lower third."""

from dataclasses import replace

from training.postcard.prior.draw import Draw
from training.postcard.prior.land import FLOWER_COLOURS
from training.postcard.prior.plan import Plan, layer

from safelight.postcard.scenes.scene import Layer
from safelight.postcard.scenes.vocabulary import Colour, LayerKind, Setting

_GREEN = (LayerKind.FLOWERS, LayerKind.BUSHES, LayerKind.GRASS, LayerKind.ROCKS)
_DRY = (LayerKind.ROCKS, LayerKind.CACTI, LayerKind.DUNES)
_COLD = (LayerKind.ROCKS, LayerKind.PINES, LayerKind.SNOW)

NEAR: dict[Setting, tuple[LayerKind, ...]] = {
    Setting.MOUNTAINS: (*_GREEN, LayerKind.PINES),
    Setting.HILLS: _GREEN,
    Setting.MEADOW: _GREEN,
    Setting.PINE_FOREST: (*_GREEN, LayerKind.PINES),
    Setting.BROADLEAF_FOREST: _GREEN,
    Setting.BIRCH_FOREST: _GREEN,
    Setting.JUNGLE: (LayerKind.BUSHES, LayerKind.FLOWERS),
    Setting.DESERT: _DRY,
    Setting.CANYON: _DRY,
    Setting.TUNDRA: _COLD,
    Setting.VOLCANO: (LayerKind.ROCKS,),
    Setting.VILLAGE: _GREEN,
    Setting.RIVER: (LayerKind.FLOWERS, LayerKind.BUSHES, LayerKind.ROCKS),
    Setting.FARM: (LayerKind.FLOWERS, LayerKind.BUSHES),
    Setting.PARK: (LayerKind.FLOWERS, LayerKind.BUSHES),
    Setting.FANTASY: (LayerKind.FLOWERS, LayerKind.BUSHES, LayerKind.ROCKS, LayerKind.MUSHROOMS),
}
"""What may be near in a setting."""


def with_foreground(draw: Draw, setting: Setting, plan: Plan, most: int = 5) -> Plan:
    """The plan with a near layer, in half of the pictures that have room for one."""
    kinds = NEAR.get(setting, ())
    taken = {part.kind for part in plan.layers}
    kinds = tuple(k for k in kinds if k not in taken)
    if not kinds or plan.ground is None or len(plan.layers) >= most or not draw.chance(0.55):
        return plan
    return replace(plan, layers=(*plan.layers, _near(draw, draw.pick(kinds))))


def _near(draw: Draw, kind: LayerKind) -> Layer:
    depth = draw.between(0.72, 0.86)
    if kind in (LayerKind.PINES, LayerKind.CACTI, LayerKind.MUSHROOMS):
        return layer(draw, kind, depth, draw.between(0.2, 0.42), draw.between(0.1, 0.25))
    colour = draw.pick(FLOWER_COLOURS) if kind is LayerKind.FLOWERS else Colour.NATURAL
    return layer(draw, kind, depth, draw.between(0.02, 0.07), draw.between(0.3, 0.75), None, colour)
