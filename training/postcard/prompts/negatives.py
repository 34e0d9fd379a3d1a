"""Twenty prompts with a negative prompt, and what the picture must then lack."""

from training.postcard.prompts.labels import Negative

TREES = ("pine", "oak", "birch", "palm", "autumn_tree", "bare_tree", "cherry_tree", "willow", "cypress", "acacia")
PEOPLE = ("person", "man", "woman", "child", "couple", "walker", "runner", "cyclist")
BOATS = ("sailboat", "tall_ship", "rowboat", "steamer", "fishing_boat", "canoe", "motorboat", "ferry", "cargo_ship")
CLOUDS = ("clouds",)
ANIMALS = ("deer", "fox", "bear", "rabbit", "wolf", "owl", "bird", "squirrel", "boar", "moose")

NEGATIVES: tuple[Negative, ...] = (
    Negative("a mountain landscape", "clouds", CLOUDS, "16:9"),
    Negative("cloudy sky over a green meadow", "clouds", CLOUDS, "3:2"),
    Negative("hills in summer", "trees", TREES, "3:2"),
    Negative("the sea at sunset", "boats, ships", BOATS, "16:9"),
    Negative("a harbour in the morning", "boats", BOATS, "3:2"),
    Negative("a busy street", "people, crowds", PEOPLE, "9:16"),
    Negative("a park in spring", "people", PEOPLE, "5:4"),
    Negative("forest", "animals", ANIMALS, "1:1"),
    Negative("a forest with a deer", "fog, mist", ("fog",), "4:5"),
    Negative("pine forest at dawn", "fog", ("fog",), "1:1"),
    Negative("night sky over the desert", "moon", ("moon",), "16:9"),
    Negative("a lake at night", "stars", ("stars",), "2:3"),
    Negative("city street in november", "rain", ("rain",), "3:2"),
    Negative("winter mountains", "snowfall, blizzard", ("snowfall",), "1:1"),
    Negative("a village in the hills", "night, dark", ("night", "dusk"), "5:4"),
    Negative("mountain lake", "sunset, orange sky", ("sunset", "golden_hour"), "16:9"),
    Negative("a castle on a hill, dramatic sky", "lightning, thunderstorm", ("lightning", "stormy"), "4:5"),
    Negative("a flying thing over the sea", "birds, seagulls", ("seagull", "bird", "flock"), "3:2"),
    Negative("farm with animals", "cows", ("cow", "bull"), "3:2"),
    Negative("still life on a table", "fruit, apples", ("apple", "green_apple", "pear", "orange", "banana"), "5:4"),
)
