"""How often a caption tells what it could: the more surprising, the more often."""

from training.postcard.families import ANIMALS, BOATS, CARS, PEOPLE

from safelight.postcard.scenes.vocabulary import LayerKind, Light, Season, Setting, Weather

WEATHER_TOLD = {
    Weather.CLEAR: 0.14,
    Weather.CLOUDY: 0.5,
    Weather.OVERCAST: 0.85,
    Weather.FOGGY: 0.95,
    Weather.RAINY: 0.95,
    Weather.STORMY: 0.96,
    Weather.SNOWY: 0.95,
}
SEASON_TOLD = {Season.SPRING: 0.45, Season.SUMMER: 0.16, Season.AUTUMN: 0.85, Season.WINTER: 0.92}
LIGHT_TOLD = {
    Light.DAWN: 0.75,
    Light.NOON: 0.4,
    Light.GOLDEN_HOUR: 0.7,
    Light.SUNSET: 0.8,
    Light.DUSK: 0.82,
    Light.NIGHT: 0.88,
}
SKY_TOLD = {
    "stars": 0.5,
    "milky_way": 0.92,
    "aurora": 0.96,
    "rainbow": 0.96,
    "lightning": 0.6,
    "moon": 0.55,
    "sun": 0.16,
    "flock": 0.35,
}
LAYERS_TOLD = {
    LayerKind.TULIPS: 0.75,
    LayerKind.LAVENDER: 0.75,
    LayerKind.SUNFLOWERS: 0.75,
    LayerKind.GLOWING_MUSHROOMS: 0.85,
    LayerKind.MUSHROOMS: 0.8,
    LayerKind.FLOATING_ISLES: 0.8,
    LayerKind.CLOUD_SEA: 0.5,
    LayerKind.CACTI: 0.7,
    LayerKind.ICEBERGS: 0.6,
    LayerKind.PALMS: 0.5,
    LayerKind.PATH: 0.4,
    LayerKind.FENCE: 0.5,
    LayerKind.PIER: 0.5,
    LayerKind.RIVER: 0.5,
    LayerKind.PINES: 0.3,
    LayerKind.CORALS: 0.35,
    LayerKind.VOLCANO: 0.0,
}
"""Layers that are told more or less often than the usual one in seven."""

NAMING = {
    Setting.FLOWER_FIELD: (LayerKind.TULIPS, LayerKind.LAVENDER, LayerKind.SUNFLOWERS),
    Setting.FANTASY: (LayerKind.GLOWING_MUSHROOMS, LayerKind.MUSHROOMS, LayerKind.FLOATING_ISLES),
    Setting.TUNDRA: (LayerKind.ICEBERGS,),
}
"""Layers that a setting may be named after."""

UNWEATHERED = frozenset({Setting.SPACE, Setting.UNDERWATER, Setting.PLAIN, Setting.TABLE})
SEASONLESS = frozenset(
    {Setting.SPACE, Setting.UNDERWATER, Setting.PLAIN, Setting.TABLE, Setting.PLANET, Setting.TUNDRA}
)

ABSENT = {"people": PEOPLE, "animals": ANIMALS, "boats": BOATS, "cars": CARS}

TELLABLE = frozenset(
    {
        *LAYERS_TOLD,
        LayerKind.MOUNTAINS,
        LayerKind.HILLS,
        LayerKind.DUNES,
        LayerKind.MESAS,
        LayerKind.CLIFFS,
        LayerKind.ISLANDS,
        LayerKind.BROADLEAVES,
        LayerKind.BIRCHES,
        LayerKind.FLOWERS,
        LayerKind.CROPS,
        LayerKind.BUSHES,
        LayerKind.SAND,
        LayerKind.ROCKS,
        LayerKind.SEA,
        LayerKind.LAKE,
        LayerKind.SKYLINE,
        LayerKind.HOUSES,
        LayerKind.STREET,
        LayerKind.CRATERS,
        LayerKind.KELP,
        LayerKind.GRASS,
        LayerKind.SNOW,
    }
) - {LayerKind.VOLCANO}
"""Layers worth a word."""
