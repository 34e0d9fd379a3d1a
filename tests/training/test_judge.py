"""The judge tells hits from misses, and is lenient only where it says so."""

from dataclasses import replace

from training.postcard.judge import diversity, negative_hit, score
from training.postcard.prompts import HELD_OUT, NEGATIVE, Negative, Prompt, Wanted

from safelight.postcard.scenes.scene import Layer, Scene, Sky, Thing, World
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import (
    Colour,
    LayerKind,
    Light,
    Palette,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)

SEA = World(setting=Setting.SEA, light=Light.SUNSET, weather=Weather.CLEAR)
BOATS = (Thing("sailboat", x=0.2, colour=Colour.RED), Thing("sailboat", x=0.35, colour=Colour.RED))
SCENE = Scene(SEA, (Layer(LayerKind.SEA),), BOATS)


def _hits(prompt: Prompt, scene: Scene = SCENE) -> dict[str, tuple[int, int]]:
    return score(scene, prompt).hits


def test_what_a_prompt_does_not_say_is_not_judged() -> None:
    assert _hits(Prompt("anything")) == {}


def test_setting_light_and_weather_are_compared() -> None:
    good = Prompt("", setting=("sea",), light=("sunset",), weather=("clear",))
    bad = Prompt("", setting=("lake",), light=("noon", "dawn"), weather=("foggy",))
    assert _hits(good) == {"scene": (1, 1), "light": (1, 1), "weather": (1, 1)}
    assert _hits(bad) == {"scene": (0, 1), "light": (0, 1), "weather": (0, 1)}


def test_number_counts_exactly() -> None:
    two, three = (Prompt("", things=(Wanted(("sailboat",), n),)) for n in (2, 3))
    assert _hits(two)["number"] == (1, 1)
    assert _hits(three)["number"] == (0, 1)
    assert _hits(three)["things"] == (1, 1)


def test_a_missing_thing_fails_its_number_colour_and_place_too() -> None:
    wanted = Prompt("", things=(Wanted(("whale",), 1, ("blue",), "left"),))
    assert _hits(wanted) == {"things": (0, 1), "number": (0, 1), "colour": (0, 1), "place": (0, 1)}


def test_colour_must_be_that_of_every_thing_of_the_kind() -> None:
    red = Prompt("", things=(Wanted(("sailboat",), None, ("red",)),))
    mixed = replace(SCENE, things=(BOATS[0], replace(BOATS[1], colour=Colour.BLUE)))
    assert _hits(red)["colour"] == (1, 1)
    assert _hits(red, mixed)["colour"] == (0, 1)


def test_two_groups_of_one_kind_are_told_apart_by_colour() -> None:
    both = Prompt("", things=(Wanted(("sailboat",), 1, ("red",)), Wanted(("sailboat",), 1, ("blue",))))
    mixed = replace(SCENE, things=(BOATS[0], replace(BOATS[1], colour=Colour.BLUE)))
    assert _hits(both, mixed) == {"things": (2, 2), "number": (2, 2), "colour": (2, 2)}
    assert _hits(both)["number"] == (0, 2)


def test_a_thing_has_its_natural_colour() -> None:
    lemon = replace(SCENE, things=(Thing("lemon"),))
    assert _hits(Prompt("", things=(Wanted(("lemon",), 1, ("yellow",)),)), lemon)["colour"] == (1, 1)
    assert _hits(Prompt("", things=(Wanted(("lemon",), 1, ("blue",)),)), lemon)["colour"] == (0, 1)


def test_places_on_the_picture_and_beside_others() -> None:
    left = Prompt("", things=(Wanted(("sailboat",), None, (), "left"),))
    right = Prompt("", things=(Wanted(("sailboat",), None, (), "right"),))
    assert _hits(left)["place"] == (1, 1)
    assert _hits(right)["place"] == (0, 1)
    whale = replace(SCENE, things=(*BOATS, Thing("whale", x=0.8)))
    beyond = Prompt("", things=(Wanted(("whale",), 1, (), "right", ("sailboat",)),))
    assert _hits(beyond, whale)["place"] == (1, 1)
    assert _hits(beyond)["place"] == (0, 1)


def test_above_is_read_from_lift() -> None:
    stacked = Scene(World(setting=Setting.PLAIN), (), (Thing("circle", lift=0.7), Thing("square", depth=0.6)))
    above = Prompt("", things=(Wanted(("circle",), 1, (), "above", ("square",)), Wanted(("square",), 1)))
    below = Prompt("", things=(Wanted(("square",), 1, (), "above", ("circle",)), Wanted(("circle",), 1)))
    assert _hits(above, stacked)["place"] == (1, 1)
    assert _hits(below, stacked)["place"] == (0, 1)


def test_a_wood_counts_as_trees_only_where_no_number_is_asked() -> None:
    wood = Scene(World(setting=Setting.PINE_FOREST), (Layer(LayerKind.PINES),))
    assert _hits(Prompt("", things=(Wanted(("pine",)),)), wood) == {"things": (1, 1)}
    assert _hits(Prompt("", things=(Wanted(("pine",), 1),)), wood) == {"things": (0, 1), "number": (0, 1)}


def test_the_arctic_is_wintry_and_the_milky_way_is_stars() -> None:
    world = World(setting=Setting.TUNDRA, season=Season.SUMMER, sky=Sky(body=SkyBody.NONE, milky_way=0.8))
    assert _hits(Prompt("", season=("winter",), sky=("stars",)), Scene(world)) == {"weather": (1, 1), "season": (1, 1)}
    assert _hits(Prompt("", sky=("moon",)), Scene(world)) == {"weather": (0, 1)}


def test_style_and_palette_are_compared() -> None:
    inked = Scene(replace(SEA, style=Style.INK, palette=Palette.COLD))
    assert _hits(Prompt("", style=("ink",), palette=("warm",)), inked) == {"palette": (0, 1), "style": (1, 1)}


def test_a_negative_prompt_is_obeyed_when_nothing_of_it_shows() -> None:
    clouds = Negative("the sea", "clouds", ("clouds",))
    assert negative_hit(SCENE, clouds)
    cloudy = Scene(replace(SEA, sky=Sky(clouds=0.6)))
    assert not negative_hit(cloudy, clouds)
    assert not negative_hit(SCENE, Negative("the sea", "boats", ("sailboat", "rowboat")))
    assert not negative_hit(Scene(SEA, (Layer(LayerKind.PINES),)), Negative("", "trees", ("pine", "oak")))


def test_diversity_is_nought_for_equal_scenes_and_more_for_others() -> None:
    other = Scene(World(setting=Setting.CITY, light=Light.NIGHT), (Layer(LayerKind.SKYLINE),), (Thing("taxi", x=0.9),))
    assert diversity([SCENE, SCENE]) == 0
    assert 0.5 < diversity([SCENE, other]) <= 1


def test_there_are_150_different_prompts_whose_labels_are_words_of_the_vocabulary() -> None:
    assert len(HELD_OUT) == 150
    assert len({p.text.lower() for p in HELD_OUT}) == 150
    vocabularies = {
        "setting": Setting,
        "light": Light,
        "weather": Weather,
        "season": Season,
        "palette": Palette,
        "style": Style,
    }
    for prompt in HELD_OUT:
        for name, vocabulary in vocabularies.items():
            assert set(getattr(prompt, name)) <= {member.value for member in vocabulary}, prompt
        for wanted in prompt.things:
            assert set(wanted.kinds) <= set(THINGS)
            assert set(wanted.anchor) <= set(THINGS)
            assert set(wanted.colours) <= {c.value for c in Colour}


def test_every_category_is_asked_often_enough_to_mean_something() -> None:
    asked: dict[str, int] = {}
    for prompt in HELD_OUT:
        for category, (_, n) in score(SCENE, prompt).hits.items():
            asked[category] = asked.get(category, 0) + n
    assert set(asked) == {
        "scene", "light", "weather", "season", "palette", "style", "things", "number", "colour", "place"
    }  # fmt: skip
    assert min(asked.values()) >= 7
    assert len(NEGATIVE) == 20
