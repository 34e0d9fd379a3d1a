"""Held-out prompts that ask for things: of a kind, in a number, in a colour, at a place."""

from training.postcard.prompts.labels import Prompt, a, prompt, some
from training.postcard.prompts.scenery import BOATS, HILLY, WOODS

PERSON = ("person", "man", "woman", "child", "walker")
PLAIN = ("plain",)
INDOORS = ("table", "window")

KINDS: tuple[Prompt, ...] = (
    prompt("a fox", "1:1", a("fox")),
    prompt("hot air balloons at sunrise", "16:9", some("hot_air_balloon"), light="dawn"),
    prompt("an astronaut riding through space", "1:1", a("astronaut"), setting=("space", "planet")),
    prompt("steam train crossing a bridge", "16:9", a("train"), some("bridge", n=1)),
    prompt("puppy playing in the park", "1:1", a("dog", "poodle"), setting=("park", "garden", "meadow")),
    prompt(
        "snowman with a fir tree next to it",
        "1:1",
        a("snowman"),
        some("pine", "christmas_tree", n=1, place="beside", of="snowman"),
    ),
    prompt("polar bear on the ice, cold light", "3:2", a("polar_bear"), setting="tundra"),
    prompt("elephants in the savanna at sundown", "21:9", some("elephant"), light=("sunset", "golden_hour")),
    prompt("a wizard in an enchanted forest at night, fantasy, highly detailed", "4:5", a("wizard"), light="night"),
    prompt("Could you draw a dolphin jumping out of the ocean?", "5:4", a("dolphin"), setting="sea"),
    prompt("windmill in holland with tulips", "3:2", some("windmill", n=1), setting="flower_field"),
    prompt(
        "sunken treasure chest, deep under the sea, some fish around", "3:2", a("treasure_chest"), setting="underwater"
    ),
    prompt("dragon over a medieval castle, epic, artstation", "16:9", a("dragon"), a("castle")),
    prompt(
        "coffee mug and an open book on a table by the window", "5:4", a("cup"), a("open_book", "book"), setting=INDOORS
    ),
    prompt("penguins standing on an iceberg", "1:1", some("penguin"), setting="tundra"),
    prompt(
        "a ufo hovering above a corn field at night, mysterious",
        "16:9",
        a("ufo"),
        setting=("farm", "flower_field", "hills", "meadow"),
        light="night",
    ),
    prompt("camping under the stars", "2:3", some("tent", "tipi", n=1), light="night", sky="stars"),
    prompt("dinosaur in front of a volcano", "3:2", a("dinosaur", "long_neck"), setting=("volcano", "jungle")),
    prompt("a hiker looking at the mountains, adventure, wanderlust", "9:16", a(*PERSON), setting="mountains"),
    prompt(
        "On a foggy morning an old sailing ship leaves the harbour. The light is soft and the water is quiet. "
        "A few gulls follow it.",
        "3:2",
        a("tall_ship", "sailboat"),
        some("seagull", "bird"),
        setting="harbour",
        weather="foggy",
        light="dawn",
    ),
    prompt("an icon of a musical note, plain background", "1:1", a("musical_note"), setting=PLAIN),
    prompt("a cat floating in space", "1:1", a("cat", "black_cat"), setting="space"),
)

NUMBERS: tuple[Prompt, ...] = (
    prompt("two horses on a hill", "3:2", some("horse", n=2), setting=HILLY),
    prompt("a pair of swans on a pond", "5:4", some("swan", n=2), setting=("lake", "park", "river")),
    prompt(
        "three camels walking through the desert in a row",
        "21:9",
        some("camel", "bactrian_camel", n=3),
        setting="desert",
    ),
    prompt("four apples on a table", "5:4", some("apple", "green_apple", n=4), setting=INDOORS),
    prompt("5 balloons in the sky", "2:3", some("balloon", "hot_air_balloon", n=5)),
    prompt("five birds", "1:1", some("bird", "robin", n=5)),
    prompt("3 mushrooms in the woods, closeup", "1:1", some("mushroom", "glowing_mushroom", n=3), setting=WOODS),
    prompt(
        "Two astronauts and one robot on the moon.",
        "3:2",
        some("astronaut", n=2),
        a("robot"),
        setting=("planet", "space"),
    ),
    prompt(
        "a lone tree on a hill",
        "3:2",
        some("oak", "pine", "bare_tree", "cherry_tree", "cypress", "autumn_tree", n=1),
        setting=HILLY,
    ),
    prompt(
        "four white ducks and a swan on the lake", "16:9", some("duck", n=4, colour="white"), a("swan"), setting="lake"
    ),
)

COLOURS: tuple[Prompt, ...] = (
    prompt("a red car in the city", "3:2", a("car", "suv", "race_car", colour="red"), setting=("city", "street")),
    prompt(
        "blue butterfly in a flower meadow",
        "1:1",
        a("butterfly", colour=("blue", "light_blue")),
        setting=("flower_field", "meadow", "garden"),
    ),
    prompt("the yellow submarine", "16:9", a("submarine", colour="yellow")),
    prompt("a pink elephant in the jungle", "1:1", a("elephant", colour="pink"), setting="jungle"),
    prompt("two red boats on a blue lake", "16:9", some(*BOATS, n=2, colour="red"), setting="lake"),
    prompt(
        "purple umbrella on a rainy street",
        "9:16",
        a("umbrella", colour=("purple", "lavender")),
        setting=("street", "city"),
        weather="rainy",
    ),
    prompt(
        "a green tent and an orange tent in the snow",
        "3:2",
        a("tent", colour="green"),
        a("tent", colour="orange"),
        season="winter",
    ),
    prompt("black cat with a red ball of wool", "1:1", a("black_cat", "cat"), a("yarn", colour="red")),
    prompt("crimson hot air balloon above the alps", "4:5", a("hot_air_balloon", colour="red"), setting="mountains"),
    prompt(
        "three turquoise vases, plain background, product photo",
        "1:1",
        some("vase", n=3, colour=("turquoise", "teal")),
        setting=(*PLAIN, *INDOORS),
    ),
    prompt(
        "a golden crown and a silver key on a table",
        "5:4",
        a("crown", colour=("gold", "natural")),
        a("key", colour=("silver", "grey")),
        setting=INDOORS,
    ),
    prompt(
        "white lighthouse, orange sky, evening",
        "2:3",
        a("lighthouse", colour=("white", "natural")),
        light=("sunset", "dusk", "golden_hour"),
    ),
)

WHERE: tuple[Prompt, ...] = (
    prompt(
        "a castle on the left, a dragon on the right", "16:9", a("castle", place="left"), a("dragon", place="right")
    ),
    prompt("house beside a river", "3:2", a("house", "cabin"), setting="river"),
    prompt(
        "a red barn at the right edge, cows grazing to the left of it",
        "21:9",
        a("barn", colour=("red", "natural"), place="right"),
        some("cow", place="left", of="barn"),
    ),
    prompt(
        "in the centre a big oak tree, wide meadow",
        "1:1",
        some("oak", "autumn_tree", n=1, place="centre"),
        setting=HILLY,
    ),
    prompt("a tiny sailboat far away on the horizon", "9:16", a("sailboat", place="far")),
    prompt("an airplane above the clouds", "5:4", a("aeroplane", "biplane")),
    prompt(
        "an owl on the left side, full moon, dark forest",
        "2:3",
        a("owl", place="left"),
        sky="moon",
        setting=WOODS,
        light="night",
    ),
    prompt(
        "a green bottle to the left of two lemons",
        "5:4",
        a("bottle", colour="green", place="left", of="lemon"),
        some("lemon", n=2),
    ),
    prompt(
        "a blue circle above a red square",
        "1:1",
        a("circle", colour="blue", place="above", of="square"),
        a("square", colour="red"),
        setting=PLAIN,
    ),
    prompt(
        "dog beside its doghouse... no, beside a small house, in a yard",
        "3:2",
        a("dog", "poodle", place="beside", of="house|cabin"),
        a("house", "cabin"),
    ),
)

OBJECTS: tuple[Prompt, ...] = KINDS + NUMBERS + COLOURS + WHERE
