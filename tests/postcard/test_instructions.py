"""Instructions are read by rules: what is asked for, what it makes of a scene, and what is no instruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from safelight.postcard.instructions.plan import plan
from safelight.postcard.instructions.reading import changes_in, is_beyond, is_instruction
from safelight.postcard.instructions.telling import told
from safelight.postcard.instructions.words import named, plural, terms
from safelight.postcard.scenes.scene import MAX_LAYERS, MAX_THINGS, Layer, Scene, Sky, Thing, World, domains
from safelight.postcard.scenes.things import THING_KEYS
from safelight.postcard.scenes.vocabulary import LayerKind, SkyBody, Weather

BOAT, DEER = Thing("sailboat", x=0.4), Thing("deer", x=0.7)
SCENE = Scene(
    World(weather=Weather.CLOUDY, sky=Sky(clouds=0.6)),
    (Layer(LayerKind.MOUNTAINS, depth=0.05), Layer(LayerKind.LAKE, depth=0.2), Layer(LayerKind.GRASS, depth=0.8)),
    (BOAT, DEER),
)


def after(prompt: str, scene: Scene = SCENE) -> Scene:
    changes = changes_in(prompt)
    assert changes, prompt
    return plan(scene, changes).scene


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("make it night", "light", "night"),
        ("Please make it night.", "light", "night"),
        ("at night", "light", "night"),
        ("turn the scene into winter", "season", "winter"),
        ("change the time of day to sunset", "light", "sunset"),
        ("let it rain", "weather", "rainy"),
        ("make it snow", "weather", "snowy"),
        ("remove the clouds", "weather", "clear"),
        ("turn it into an oil painting", "style", "oil"),
        ("in the style of a watercolour", "style", "watercolour"),
        ("make it black and white", "palette", "monochrome"),
        ("make it a desert", "setting", "desert"),
    ],
)
def test_what_holds_for_the_whole_is_set_and_nothing_else(prompt: str, field: str, value: str) -> None:
    now = after(prompt)
    assert getattr(now.world, field) == value
    assert now.things == SCENE.things
    others = {name for name, _ in domains(World)} - {field, "fog", "rain", "snowfall", "wind"}
    assert all(getattr(now.world, name) == getattr(SCENE.world, name) for name in others)
    if field != "setting":
        assert now.layers == SCENE.layers


def test_night_has_a_moon_and_day_a_sun() -> None:
    night = after("make it night")
    assert night.world.sky.body is SkyBody.MOON
    assert after("make it day", night).world.sky.body is SkyBody.SUN


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("add a boat", ["sailboat", "deer", "sailboat"]),
        ("add a lighthouse and two horses", ["sailboat", "deer", "lighthouse", "horse", "horse"]),
        ("add birds", ["sailboat", "deer", "bird", "bird", "bird"]),
        ("remove the boat", ["deer"]),
        ("remove the animals and the boat", []),
        ("replace the deer with a fox", ["sailboat", "fox"]),
        ("turn the deer into a fox", ["sailboat", "fox"]),
    ],
)
def test_things_come_and_go(prompt: str, kinds: list[str]) -> None:
    now = after(prompt)
    assert [thing.kind for thing in now.things] == kinds
    assert now.world == SCENE.world
    assert now.layers == SCENE.layers


def test_what_is_added_leaves_open_where_it_stands_and_all_else_is_held() -> None:
    made = plan(SCENE, changes_in("add a red boat on the left"))
    assert (made.world, made.sky, made.layers) == (frozenset(), frozenset(), (frozenset(),) * 3)
    assert made.things[:2] == (frozenset(), frozenset())
    assert {"depth", "facing"} <= made.things[2]
    assert not {"kind", "x", "colour"} & made.things[2]
    assert (made.scene.things[2].colour, made.scene.things[2].x) == ("red", 0.2)


def test_what_is_added_stands_apart_unless_a_mask_says_where() -> None:
    many = [thing.x for thing in after("add three horses").things]
    assert min(abs(a - b) for i, a in enumerate(many) for b in many[:i]) > 0.1
    assert "x" in plan(SCENE, changes_in("add a horse"), apart=False).things[2]


def test_a_thing_that_the_catalogue_does_not_name_leaves_its_kind_open() -> None:
    (change,) = changes_in("add a gazebo")
    assert "kind" in plan(SCENE, [change]).things[-1]
    assert change.text == "a gazebo"


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ("make the boat red", {"colour": "red"}),
        ("paint the boat blue", {"colour": "blue"}),
        ("make the boat bigger", {"scale": 1.5}),
        ("move the boat to the right", {"x": 0.8}),
    ],
)
def test_one_thing_is_changed_and_the_others_stay(prompt: str, changes: dict[str, Any]) -> None:
    assert after(prompt).things == (replace(BOAT, **changes), DEER)


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("I'd like the boat to be gone", ["deer"]),
        ("there should be two deer", ["sailboat", "deer", "deer"]),
        ("only one boat", ["sailboat", "deer"]),
        ("more boats", ["sailboat", "deer", "sailboat", "sailboat"]),
        ("deer -> fox", ["sailboat", "fox"]),
        ("instead of a cow I want a horse", ["sailboat", "deer", "horse"]),  # none is there to make room
        ("replace the deer with two foxes", ["sailboat", "fox"]),
        ("remove everything but the deer", ["deer"]),
        ("hot air balloon up in the sky", ["sailboat", "deer", "hot_air_balloon"]),
        ("the sky is too empty, add a rocket", ["sailboat", "deer", "rocket"]),
        ("the deer looks odd, take it out", ["sailboat"]),
        ("I don't like the boat, remove it please", ["deer"]),
    ],
)
def test_other_people_say_it_otherwise(prompt: str, kinds: list[str]) -> None:
    assert [thing.kind for thing in after(prompt).things] == kinds


@pytest.mark.parametrize(
    ("prompt", "where"),
    [
        ("put a cow next to the deer", lambda x: 0.05 < abs(x - DEER.x) < 0.3),
        ("add a cow to the left of the deer", lambda x: DEER.x - 0.3 < x < DEER.x),
        ("a cow to the right of the boat", lambda x: BOAT.x < x < BOAT.x + 0.3),
        ("put a bird above the boat", lambda x: x == BOAT.x),
        ("add a cow in front of the deer", lambda x: x == DEER.x),
        ("add a cow behind the deer", lambda x: abs(x - DEER.x) < 0.1),
        ("move the boat next to the deer", lambda x: 0.05 < abs(x - DEER.x) < 0.3),
    ],
)
def test_a_place_may_be_named_by_another_thing(prompt: str, where: Callable[[float], bool]) -> None:
    now = after(prompt)
    thing = now.things[0] if "move" in prompt else now.things[-1]
    assert where(thing.x)
    assert now.things[1] == DEER


def test_in_front_is_nearer_and_behind_is_farther() -> None:
    near, far = after("add a cow in front of the deer").things[-1], after("add a cow behind the deer").things[-1]
    assert near.depth > DEER.depth > far.depth


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("it should be night with lots of stars", "light", "night"),
        ("turn day into night", "light", "night"),
        ("early morning light please", "light", "dawn"),
        ("night", "light", "night"),
        ("same but in winter", "season", "winter"),
        ("shift everything to autumn colours", "season", "autumn"),
        ("give me the same scene as a linocut", "style", "ink"),
        ("make it look like a watercolor", "style", "watercolour"),
        ("it's raining now", "weather", "rainy"),
        ("would you mind making it snow?", "weather", "snowy"),
        ("make the sky pink", "light", "sunset"),
    ],
)
def test_the_whole_is_spoken_of_in_many_ways(prompt: str, field: str, value: str) -> None:
    now = after(prompt)
    assert getattr(now.world, field) == value
    assert (now.things, now.layers) == (SCENE.things, SCENE.layers)


def test_there_is_more_or_less_of_what_is_in_the_air() -> None:
    assert after("more clouds").world.sky.clouds > SCENE.world.sky.clouds > after("less clouds").world.sky.clouds > 0
    assert after("more snow").world.snowfall > 0.15
    made = plan(SCENE, changes_in("night with lots of stars"))
    assert made.scene.world.sky.stars > 0.15
    assert "stars" not in made.sky


def test_what_no_scene_can_hold_is_known() -> None:
    assert is_beyond("Write 'Hello' across the sky")
    assert is_beyond("please rotate the picture")
    assert not is_beyond("zoom in on the boat")
    assert not is_beyond("add a boat")


def test_layers_come_where_they_are_seen_and_go() -> None:
    assert [x.kind for x in after("add a forest").layers] == ["mountains", "lake", "pines", "grass"]
    assert [x.kind for x in after("remove the lake").layers] == ["mountains", "grass"]
    full = replace(SCENE, layers=(Layer(LayerKind.HILLS),) * MAX_LAYERS)
    assert [x.kind for x in after("add mountains", full).layers] == ["mountains", *["hills"] * (MAX_LAYERS - 1)]


def test_a_full_scene_takes_what_is_added() -> None:
    full = replace(SCENE, things=(DEER,) * MAX_THINGS)
    assert [x.kind for x in after("add a boat", full).things] == ["deer"] * (MAX_THINGS - 1) + ["sailboat"]


@pytest.mark.parametrize(
    "prompt",
    [
        "a lighthouse at night",
        "in a forest, a fox",
        "a lake, no clouds, at night",
        "",
        "a boat with clouds",
        "draw a boat",
        "removed clouds",
    ],
)
def test_a_description_is_no_instruction(prompt: str) -> None:
    assert changes_in(prompt) == ()
    assert not is_instruction(prompt)


def test_an_instruction_that_names_nothing_known_changes_nothing_by_rule() -> None:
    assert is_instruction("make it more beautiful")
    assert changes_in("make it more beautiful") == ()


@pytest.mark.parametrize("kind", THING_KEYS)
def test_every_kind_can_be_told_and_taken_away(kind: str) -> None:
    scene = Scene(things=(Thing(kind), Thing(kind)))
    assert told(scene)
    assert any(kind in term.values for names in terms().values() for term in names)


def test_the_longest_name_counts() -> None:
    assert [term.values for term in named("a hot air balloon", "thing")] == [("hot_air_balloon",)]
    assert (plural("cup of coffee"), plural("bus"), plural("fox"), plural("lady")) == (
        "cups of coffee", "buses", "foxes", "ladies"
    )  # fmt: skip
