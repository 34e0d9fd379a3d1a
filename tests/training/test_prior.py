"""The prior is deterministic, knows the whole vocabulary, and composes: nothing cut, nothing covered."""

import random
from collections import Counter
from dataclasses import replace
from functools import cache

from training.postcard.prior import sample_aspect, sample_scene
from training.postcard.prior.size import Box, View

from safelight.postcard.scenes.scene import Choice, Number, Scene, Sky, Thing, World, domains
from safelight.postcard.scenes.scene import Layer as SceneLayer
from safelight.postcard.scenes.things import THING_KEYS, THINGS
from safelight.postcard.scenes.vocabulary import (
    LayerKind,
    Light,
    Palette,
    Place,
    Season,
    Setting,
    SkyBody,
    Style,
    Weather,
)


def _sample(i: int) -> tuple[Scene, float]:
    rng = random.Random(f"prior/{i}")
    aspect = sample_aspect(rng)
    return sample_scene(rng, aspect), aspect


@cache
def scenes() -> list[tuple[Scene, float]]:
    """Made by the first test that asks: every process of a run collects this file, and few of them run it."""
    return [_sample(i) for i in range(6000)]


def test_the_same_seed_gives_the_same_scene() -> None:
    assert [_sample(i) for i in range(40)] == scenes()[:40]


def test_every_word_of_the_vocabulary_occurs() -> None:
    worlds = [scene.world for scene, _ in scenes()]
    assert {w.setting for w in worlds} == set(Setting)
    assert {w.light for w in worlds} == set(Light)
    assert {w.weather for w in worlds} == set(Weather)
    assert {w.season for w in worlds} == set(Season)
    assert {w.palette for w in worlds} == set(Palette)
    assert {w.style for w in worlds} == set(Style)
    assert {layer.kind for scene, _ in scenes() for layer in scene.layers} == set(LayerKind)
    assert set(THING_KEYS) == {thing.kind for scene, _ in scenes() for thing in scene.things}


def test_every_number_is_inside_its_declared_range() -> None:
    for scene, _ in scenes():
        parts: list[World | Sky | SceneLayer | Thing] = [scene.world, scene.world.sky, *scene.layers, *scene.things]
        for part in parts:
            for name, domain in domains(type(part)):
                value = getattr(part, name)
                if isinstance(domain, Number):
                    assert domain.low <= value <= domain.high, (name, value)
                else:
                    assert isinstance(domain, Choice)
                    assert value in domain.options


def test_layers_go_from_far_to_near() -> None:
    for scene, _ in scenes():
        depths = [layer.depth for layer in scene.layers if layer.kind is not LayerKind.WINDOW]
        assert depths == sorted(depths), (scene.world.setting, scene.layers)


def test_things_keep_off_the_left_and_right_edge() -> None:
    for scene, aspect in scenes():
        for box in _boxes(scene, aspect):
            assert box.left > -0.03, scene
            assert box.right < 1.03, scene


def test_few_things_cover_one_another() -> None:
    pairs = covered = 0
    for scene, aspect in scenes():
        boxes = _boxes(scene, aspect)
        for i, one in enumerate(boxes):
            for other in boxes[:i]:
                pairs += 1
                covered += one.meets(other, slack=0.25)
    assert covered / pairs < 0.01


def _boxes(scene: Scene, aspect: float) -> list[Box]:
    view = View.of(scene, aspect)
    return [view.box(t.kind, t.x, t.depth, t.lift, t.scale) for t in scene.things]


def test_weather_goes_with_what_is_in_the_air() -> None:
    for scene, _ in scenes():
        world = scene.world
        if world.weather is Weather.CLEAR:
            assert (world.sky.clouds, world.fog, world.rain, world.snowfall, world.sky.lightning) == (0, 0, 0, 0, 0)
        if world.weather is Weather.SNOWY:
            assert world.season is Season.WINTER
            assert world.snowfall > 0.3
        assert not (world.light is Light.NIGHT and world.sky.body is SkyBody.SUN)
        assert not (world.light is Light.NOON and world.sky.stars > 0.1 and world.setting is not Setting.PLANET)


def test_on_a_table_lies_only_what_lies_on_tables() -> None:
    for scene, _ in scenes():
        if scene.world.setting in (Setting.TABLE, Setting.WINDOW):
            assert all(Place.TABLE in THINGS[t.kind].places for t in scene.things)


def test_most_things_are_where_they_belong_and_some_are_not() -> None:
    at_home = [scene.world.setting in THINGS[t.kind].settings for scene, _ in scenes() for t in scene.things]
    assert 0.9 < sum(at_home) / len(at_home) < 0.995


def test_numbers_of_alike_things_run_from_one_to_five() -> None:
    counts: Counter[int] = Counter()
    for scene, _ in scenes():
        counts.update(Counter((t.kind, t.colour) for t in scene.things).values())
    assert set(counts) == {1, 2, 3, 4, 5}
    assert counts[5] > 0.03 * counts.total()


def test_the_aspect_changes_the_composition() -> None:
    wide, tall = (sample_scene(random.Random(5), aspect) for aspect in (2.4, 0.42))
    assert replace(wide.world, horizon=0) != replace(tall.world, horizon=0) or wide.things != tall.things
