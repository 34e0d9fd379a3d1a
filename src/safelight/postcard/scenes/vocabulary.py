"""The words a scene is made of: closed lists that the schema, the prior, the captions and the renderer share.

Every list is a ``StrEnum``: its values are plain lower-case keys, stable on disk and in trained weights. New members go
to the end of a list, because the codec numbers them in order.
"""

# Tested in tests/postcard/test_scene.py.

from enum import StrEnum


class Setting(StrEnum):
    """What place the picture shows."""

    MOUNTAINS = "mountains"
    HILLS = "hills"
    MEADOW = "meadow"
    FLOWER_FIELD = "flower_field"
    PINE_FOREST = "pine_forest"
    BROADLEAF_FOREST = "broadleaf_forest"
    BIRCH_FOREST = "birch_forest"
    JUNGLE = "jungle"
    DESERT = "desert"
    OASIS = "oasis"
    CANYON = "canyon"
    BEACH = "beach"
    SEA = "sea"
    CLIFFS = "cliffs"
    ISLANDS = "islands"
    LAKE = "lake"
    RIVER = "river"
    WATERFALL = "waterfall"
    TUNDRA = "tundra"
    VOLCANO = "volcano"
    VILLAGE = "village"
    CITY = "city"
    STREET = "street"
    FARM = "farm"
    GARDEN = "garden"
    PARK = "park"
    HARBOUR = "harbour"
    SPACE = "space"
    PLANET = "planet"
    UNDERWATER = "underwater"
    TABLE = "table"
    WINDOW = "window"
    PLAIN = "plain"
    FANTASY = "fantasy"


class Light(StrEnum):
    """The time of day, which lights everything."""

    DAWN = "dawn"
    NOON = "noon"
    GOLDEN_HOUR = "golden_hour"
    SUNSET = "sunset"
    DUSK = "dusk"
    NIGHT = "night"


class Weather(StrEnum):
    """The state of the air. Its strength is in the scene's numbers (clouds, fog, rain …)."""

    CLEAR = "clear"
    CLOUDY = "cloudy"
    OVERCAST = "overcast"
    FOGGY = "foggy"
    RAINY = "rainy"
    STORMY = "stormy"
    SNOWY = "snowy"


class Season(StrEnum):
    """The season: colours of leaves and grass, snow on the ground."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class Palette(StrEnum):
    """A way of grading all colours of the picture; ``natural`` leaves the light's own colours."""

    NATURAL = "natural"
    PASTEL = "pastel"
    VIBRANT = "vibrant"
    MONOCHROME = "monochrome"
    WARM = "warm"
    COLD = "cold"
    EARTHY = "earthy"
    MUTED = "muted"


class Style(StrEnum):
    """How the picture is made."""

    FLAT = "flat"
    WATERCOLOUR = "watercolour"
    OIL = "oil"
    INK = "ink"
    PENCIL = "pencil"
    PIXEL = "pixel"
    PAPER = "paper"
    LOW_POLY = "low_poly"
    NEON = "neon"
    STAINED_GLASS = "stained_glass"
    BLUEPRINT = "blueprint"
    RISOGRAPH = "risograph"


class Colour(StrEnum):
    """Colours by name; ``natural`` means the colour that the thing or the layer has by itself."""

    NATURAL = "natural"
    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GOLD = "gold"
    LIME = "lime"
    GREEN = "green"
    TEAL = "teal"
    TURQUOISE = "turquoise"
    LIGHT_BLUE = "light_blue"
    BLUE = "blue"
    NAVY = "navy"
    PURPLE = "purple"
    LAVENDER = "lavender"
    MAGENTA = "magenta"
    PINK = "pink"
    BROWN = "brown"
    BEIGE = "beige"
    CREAM = "cream"
    WHITE = "white"
    SILVER = "silver"
    GREY = "grey"
    BLACK = "black"


class SkyBody(StrEnum):
    """The light in the sky that is to be seen, if any."""

    NONE = "none"
    SUN = "sun"
    MOON = "moon"


class MoonPhase(StrEnum):
    """How much of the moon is lit; without meaning where no moon shows."""

    CRESCENT = "crescent"
    HALF = "half"
    GIBBOUS = "gibbous"
    FULL = "full"


class CloudKind(StrEnum):
    """Shape of the clouds; their amount is ``Sky.clouds``."""

    CUMULUS = "cumulus"
    STRATUS = "stratus"
    CIRRUS = "cirrus"
    STORM = "storm"


class LayerKind(StrEnum):
    """What one band of the picture is made of, from the horizon to the lower edge."""

    MOUNTAINS = "mountains"
    HILLS = "hills"
    DUNES = "dunes"
    MESAS = "mesas"
    CLIFFS = "cliffs"
    VOLCANO = "volcano"
    ISLANDS = "islands"
    ICEBERGS = "icebergs"
    PINES = "pines"
    BROADLEAVES = "broadleaves"
    BIRCHES = "birches"
    PALMS = "palms"
    JUNGLE = "jungle"
    GRASS = "grass"
    FLOWERS = "flowers"
    TULIPS = "tulips"
    LAVENDER = "lavender"
    SUNFLOWERS = "sunflowers"
    CROPS = "crops"
    BUSHES = "bushes"
    SAND = "sand"
    SNOW = "snow"
    ROCKS = "rocks"
    SEA = "sea"
    LAKE = "lake"
    RIVER = "river"
    WATERFALL = "waterfall"
    SKYLINE = "skyline"
    HOUSES = "houses"
    STREET = "street"
    PATH = "path"
    FENCE = "fence"
    PIER = "pier"
    CRATERS = "craters"
    SEABED = "seabed"
    CORALS = "corals"
    KELP = "kelp"
    TABLE = "table"
    WINDOW = "window"
    WALL = "wall"
    FLOATING_ISLES = "floating_isles"
    MUSHROOMS = "mushrooms"
    GLOWING_MUSHROOMS = "glowing_mushrooms"
    CACTI = "cacti"
    CLOUD_SEA = "cloud_sea"


class Facing(StrEnum):
    """Which way a thing looks."""

    LEFT = "left"
    RIGHT = "right"


class Place(StrEnum):
    """Where a thing may be: what carries it."""

    GROUND = "ground"
    WATER = "water"
    SKY = "sky"
    UNDERWATER = "underwater"
    SPACE = "space"
    TABLE = "table"


WATER_LAYERS = frozenset({LayerKind.SEA, LayerKind.LAKE, LayerKind.RIVER})
"""Layers that mirror what stands behind them and carry boats."""
