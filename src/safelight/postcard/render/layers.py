"""Which code draws which kind of layer."""

from collections.abc import Callable

from safelight.postcard.render.built import indoors, street, town
from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.land import fields, isles, mountains, rocks, terrain, volcano
from safelight.postcard.render.plants import woods
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.water import ice, seabed, surface, waterfall
from safelight.postcard.scenes.vocabulary import WATER_LAYERS, LayerKind

_DRAW: dict[LayerKind, Callable[[Stage, Band], None]] = {
    LayerKind.MOUNTAINS: mountains.draw_mountains,
    LayerKind.VOLCANO: volcano.draw_volcano,
    LayerKind.ICEBERGS: ice.draw_icebergs,
    LayerKind.HILLS: terrain.draw_hills,
    LayerKind.DUNES: terrain.draw_dunes,
    LayerKind.GRASS: terrain.draw_meadow,
    LayerKind.FLOWERS: fields.draw_flowers,
    LayerKind.TULIPS: fields.draw_rows,
    LayerKind.LAVENDER: fields.draw_rows,
    LayerKind.SUNFLOWERS: fields.draw_rows,
    LayerKind.CROPS: fields.draw_rows,
    LayerKind.SAND: terrain.draw_sand,
    LayerKind.SNOW: terrain.draw_snow,
    LayerKind.STREET: street.draw_street,
    LayerKind.PATH: fields.draw_way,
    LayerKind.FENCE: fields.draw_fence,
    LayerKind.MESAS: rocks.draw_mesas,
    LayerKind.CLIFFS: rocks.draw_cliffs,
    LayerKind.ISLANDS: isles.draw_islands,
    LayerKind.ROCKS: rocks.draw_rocks,
    LayerKind.CRATERS: rocks.draw_craters,
    LayerKind.FLOATING_ISLES: isles.draw_floating_isles,
    LayerKind.CLOUD_SEA: isles.draw_cloud_sea,
    LayerKind.WATERFALL: waterfall.draw_waterfall,
    LayerKind.SKYLINE: town.draw_skyline,
    LayerKind.HOUSES: town.draw_houses,
    LayerKind.PIER: town.draw_pier,
    LayerKind.SEABED: seabed.draw_seabed,
    LayerKind.CORALS: seabed.draw_corals,
    LayerKind.KELP: seabed.draw_kelp,
    LayerKind.TABLE: indoors.draw_table,
    LayerKind.WINDOW: indoors.draw_window,
    LayerKind.WALL: indoors.draw_wall,
}
"""The rest are woods: bands of one plant."""

CREST_ROLLING = frozenset({LayerKind.HILLS, LayerKind.DUNES})
"""Layers whose height is that of the land itself; elsewhere it is that of what stands on nearly level ground."""


INDOORS = frozenset({LayerKind.WALL, LayerKind.WINDOW, LayerKind.TABLE})
"""Layers that have the weather behind them."""


OPEN = frozenset(
    {
        LayerKind.CLIFFS,
        LayerKind.ISLANDS,
        LayerKind.ICEBERGS,
        LayerKind.PIER,
        LayerKind.FENCE,
        LayerKind.PATH,
        LayerKind.FLOATING_ISLES,
        LayerKind.CLOUD_SEA,
        LayerKind.WINDOW,
        LayerKind.WALL,
    }
)
"""Layers that leave open what lies behind and below their crest."""


def draw_layer(stage: Stage, band: Band, mirrored: str, behind: Band | None) -> None:
    """Draws one layer. ``mirrored`` is the group that water reflects; ``behind`` the layer it lies before."""
    kind = band.layer.kind
    if kind is LayerKind.RIVER:
        surface.draw_river(stage, band, mirrored)
    elif kind in WATER_LAYERS:
        surface.draw_open_water(stage, band, mirrored)
    else:
        _DRAW.get(kind, woods.draw_wood)(stage, band)
        if kind in (LayerKind.SAND, LayerKind.ROCKS) and behind is not None and behind.layer.kind in WATER_LAYERS:
            surface.draw_shore(stage, band)
