"""Held-out prompts that ask for places, light, weather, seasons, palettes and styles.

The first two are the documented requests; the twelve after them are those of the first prototype.
"""

from training.postcard.prompts.labels import Prompt, a, prompt, some

HILLY = ("hills", "meadow")
WOODS = ("pine_forest", "broadleaf_forest", "birch_forest")
WOODED = (*WOODS, "jungle")
SNOWY_LAND = ("tundra", "mountains", "pine_forest", "village", "hills", "meadow")
BOATS = ("sailboat", "rowboat", "fishing_boat", "canoe", "steamer", "tall_ship", "motorboat")
SPRING_TREES = ("cherry_tree",)

DOCUMENTED: tuple[Prompt, ...] = (
    prompt(
        "A serene mountain landscape at sunset with vibrant colors",
        "16:9",
        setting="mountains",
        light="sunset",
        palette="vibrant",
    ),
    prompt(
        "A surreal landscape with glowing mushrooms under a night sky.",
        "16:9",
        some("glowing_mushroom"),
        light="night",
    ),
)

PROTOTYPE: tuple[Prompt, ...] = (
    prompt("mountain landscape at sunset", "3:2", setting="mountains", light="sunset"),
    prompt("city skyline at night with stars", "16:9", setting="city", light="night", sky="stars"),
    prompt("calm sea with two sailboats", "3:2", some("sailboat", n=2), setting="sea"),
    prompt(
        "pine forest in fog at dawn with a deer",
        "4:5",
        a("deer"),
        setting="pine_forest",
        light="dawn",
        weather="foggy",
    ),
    prompt("desert under a starry sky with a camel", "16:9", a("camel"), setting="desert", light="night", sky="stars"),
    prompt("hills in stormy weather with a castle", "1:1", a("castle"), setting=HILLY, weather="stormy"),
    prompt("beach at sunset with a whale", "3:2", a("whale", "humpback"), setting="beach", light="sunset"),
    prompt("snowy mountains with a tent", "5:4", a("tent", "tipi"), setting="mountains", season="winter"),
    prompt("three sheep on a green meadow", "3:2", some("sheep", n=3), setting=HILLY),
    prompt("a kitten in the forest at night", "1:1", a("cat", "black_cat"), setting=WOODS, light="night"),
    prompt("desert at noon with a cactus", "1:1", a("cactus"), setting="desert", light="noon"),
    prompt("a spaceship over the city at dusk", "16:9", a("rocket", "ufo"), setting="city", light="dusk"),
)

PLACES: tuple[Prompt, ...] = (
    prompt("mountains", "3:2", setting="mountains"),
    prompt("alps in the evening glow", "16:9", setting="mountains", light=("sunset", "golden_hour", "dusk")),
    prompt("rolling countryside", "21:9", setting=(*HILLY, "farm")),
    prompt("endless lavender fields, provence, golden light", "16:9", setting="flower_field", light="golden_hour"),
    prompt("a field full of tulips", "1:1", setting="flower_field"),
    prompt("deep dark woods", "2:3", setting=WOODED),
    prompt("birch grove in october", "4:5", setting="birch_forest", season="autumn"),
    prompt(
        "autumn forest, orange leaves, soft morning light, 4k",
        "1:1",
        setting=(*WOODS, "park"),
        light=("dawn", "golden_hour"),
        season="autumn",
    ),
    prompt("tropical rainforest with lots of vegetation", "2:3", setting="jungle"),
    prompt("sahara", "16:9", setting="desert"),
    prompt("a small oasis between the dunes", "5:4", setting="oasis"),
    prompt("grand canyon at the end of the day", "21:9", setting="canyon", light=("sunset", "golden_hour", "dusk")),
    prompt("empty tropical beach, turquoise water, midday sun", "16:9", setting="beach", light="noon"),
    prompt("stormy ocean with huge waves", "3:2", setting="sea", weather="stormy"),
    prompt("white cliffs by the ocean", "5:4", setting="cliffs"),
    prompt("archipelago seen from above the water at first light", "21:9", setting="islands", light="dawn"),
    prompt("A quiet alpine lake with reflections of the peaks", "16:9", setting=("lake", "mountains")),
    prompt("a river winding through a green valley", "2:3", setting="river"),
    prompt("majestic waterfall", "9:16", setting="waterfall"),
    prompt("arctic ice landscape with northern lights", "16:9", setting="tundra", sky="aurora", light="night"),
    prompt("an erupting volcano in the dark", "1:1", setting="volcano", light="night"),
    prompt(
        "sleepy little village covered in snow on christmas eve",
        "4:5",
        setting="village",
        season="winter",
        light=("night", "dusk"),
    ),
    prompt("new york skyline, late evening, light rain", "21:9", setting="city", weather="rainy"),
    prompt("an empty street in the rain at night", "9:16", setting="street", weather="rainy", light="night"),
    prompt("old farm in the midwest", "3:2", setting="farm"),
    prompt("my grandmother's garden in may", "1:1", setting="garden", season="spring"),
    prompt("city park with trees in fall colors", "5:4", setting="park", season="autumn"),
    prompt("small fishing harbor in the early morning", "3:2", setting="harbour", light="dawn"),
    prompt("outer space", "1:1", setting="space"),
    prompt("the surface of an alien world", "16:9", setting=("planet", "fantasy")),
    prompt("coral reef", "1:1", setting="underwater"),
    prompt(
        "still life with a bowl of fruit on a wooden table",
        "5:4",
        a("bowl", "basket", "apple", "orange", "pear", "banana", "grapes", "cherries"),
        setting=("table", "window"),
    ),
    prompt("view out of a window on a rainy day", "2:3", setting="window", weather="rainy"),
    prompt("floating islands in the sky, fantasy art", "4:5", setting="fantasy"),
)

MOODS: tuple[Prompt, ...] = (
    prompt("foggy hills at sunrise", "21:9", setting=HILLY, weather="foggy", light="dawn"),
    prompt("thunderstorm over the plains, lightning", "16:9", weather="stormy", sky="lightning"),
    prompt("winter wonderland", "1:1", season="winter"),
    prompt("It is snowing in the mountains.", "4:5", setting="mountains", weather="snowy"),
    prompt(
        "a rainbow after the storm over green fields", "16:9", setting=(*HILLY, "farm", "flower_field"), sky="rainbow"
    ),
    prompt(
        "the milky way above a lonely desert road", "9:16", setting=("desert", "canyon"), sky="milky_way", light="night"
    ),
    prompt("full moon over a calm lake", "2:3", setting="lake", sky="moon", light=("night", "dusk")),
    prompt("crescent moon, quiet sea, minimalism", "9:16", setting="sea", sky="moon", light=("night", "dusk")),
    prompt("aurora borealis over a pine forest", "9:16", setting="pine_forest", sky="aurora", light="night"),
    prompt(
        "clear blue sky above a sunflower field in july",
        "3:2",
        setting="flower_field",
        weather="clear",
        season="summer",
    ),
    prompt(
        "grey overcast day at the seaside",
        "3:2",
        setting=("beach", "sea", "cliffs", "harbour"),
        weather=("overcast", "cloudy"),
    ),
    prompt(
        "dramatic clouds over the ocean at dusk, moody",
        "16:9",
        setting="sea",
        light="dusk",
        weather=("cloudy", "overcast", "stormy"),
    ),
    prompt(
        "cherry trees in bloom by a river, springtime in japan",
        "4:5",
        some(*SPRING_TREES),
        setting=("river", "park", "garden"),
        season="spring",
    ),
    prompt("misty jungle morning", "1:1", setting="jungle", weather="foggy", light="dawn"),
    prompt(
        "a hot summer afternoon at the beach", "5:4", setting="beach", season="summer", light=("noon", "golden_hour")
    ),
    prompt(
        "blizzard in the arctic with icebergs",
        "3:2",
        setting="tundra",
        weather="snowy",
    ),
    prompt(
        "the last light of day touches the canyon walls",
        "4:5",
        setting="canyon",
        light=("sunset", "dusk", "golden_hour"),
    ),
    prompt("moonlit forest clearing", "1:1", setting=WOODS, light="night"),
    prompt("what does a volcano look like at twilight?", "3:2", setting="volcano", light="dusk"),
    prompt(
        "Show me a sunny spring day in the countryside please",
        "3:2",
        setting=(*HILLY, "farm", "flower_field"),
        season="spring",
        weather="clear",
    ),
    prompt("drizzle over tokyo, rooftops and towers", "2:3", setting=("city", "street"), weather="rainy"),
    prompt(
        "I would like a picture of the sea. It should be early in the morning, with some haze, and no ships at all.",
        "16:9",
        setting="sea",
        light="dawn",
        weather="foggy",
    ),
    prompt("beutiful sunset in the moutains", "16:9", setting="mountains", light="sunset"),
)

LOOKS: tuple[Prompt, ...] = (
    prompt("watercolor painting of a lake in autumn", "5:4", setting="lake", season="autumn", style="watercolour"),
    prompt(
        "an oil painting of a harbor at sunset, impressionist", "3:2", setting="harbour", light="sunset", style="oil"
    ),
    prompt(
        "ink drawing of misty mountains, chinese brush, sumi-e",
        "9:16",
        setting="mountains",
        weather="foggy",
        style="ink",
    ),
    prompt("pencil sketch of an old church in a village", "4:5", a("church"), setting="village", style="pencil"),
    prompt("8-bit pixel art castle on a hill", "1:1", a("castle"), setting=HILLY, style="pixel"),
    prompt("paper cutout art of a forest with a fox", "1:1", a("fox"), setting=WOODS, style="paper"),
    prompt("low poly desert with cacti, isometric look, game asset", "1:1", setting="desert", style="low_poly"),
    prompt("synthwave sunset, palm trees, 80s retro, neon", "16:9", some("palm"), light="sunset", style="neon"),
    prompt("stained glass window showing a dove", "2:3", a("dove"), style="stained_glass"),
    prompt("blueprint of a rocket", "9:16", a("rocket"), style="blueprint"),
    prompt(
        "riso print of a cactus in the desert, two colors, grainy",
        "4:5",
        a("cactus"),
        setting="desert",
        style="risograph",
    ),
    prompt(
        "minimal flat vector poster of a lighthouse on the coast",
        "2:3",
        a("lighthouse"),
        setting=("cliffs", "beach", "islands"),
        style="flat",
    ),
    prompt("black and white mountains", "3:2", setting="mountains", palette="monochrome"),
    prompt("pastel colored meadow, dreamy, soft", "1:1", setting=HILLY, palette="pastel"),
    prompt("cold blue tones, frozen lake, winter", "16:9", setting=("lake", "tundra"), palette="cold", season="winter"),
    prompt("warm colours, evening in a mediterranean village", "5:4", setting="village", palette="warm"),
    prompt("bright saturated colors, tropical island", "1:1", setting=("islands", "beach"), palette="vibrant"),
    prompt(
        "muted earthy tones, canyon, minimalist landscape print", "4:5", setting="canyon", palette=("earthy", "muted")
    ),
    prompt("van gogh style oil on canvas, wheat fields under a night sky", "5:4", light="night", style="oil"),
    prompt(
        "graphite drawing, lonely tree in winter, no color",
        "1:1",
        some("bare_tree", "oak", "pine", n=1),
        season="winter",
        style="pencil",
    ),
    prompt(
        "children's book illustration cut from colored paper: whale in the ocean",
        "1:1",
        a("whale", "humpback"),
        setting=("sea", "underwater"),
        style="paper",
    ),
    prompt("retro game background, pixelated city at night", "16:9", setting="city", light="night", style="pixel"),
    prompt("loose aquarelle of tulips in a vase", "4:5", some("vase", "tulip", "bouquet"), style="watercolour"),
    prompt(
        "cyberpunk city, glowing neon grid, purple night",
        "21:9",
        setting=("city", "street"),
        light="night",
        style="neon",
    ),
    prompt(
        "triangulated polygon mountains, geometric, sunrise", "3:2", setting="mountains", light="dawn", style="low_poly"
    ),
)

SCENERY: tuple[Prompt, ...] = DOCUMENTED + PROTOTYPE + PLACES + MOODS + LOOKS
