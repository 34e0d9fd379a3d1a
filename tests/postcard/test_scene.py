"""Facts about the scene schema and the catalogue."""

import dataclasses
import json
import math

import pytest
from benchmarks.scenes import SCENES

from safelight.postcard.scenes.scene import (
    MAX_LAYERS,
    MAX_THINGS,
    Choice,
    Layer,
    Number,
    Scene,
    Sky,
    Thing,
    World,
    domains,
    from_plain,
    rounded,
    to_plain,
)
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.scenes.vocabulary import Place, Setting


@pytest.mark.parametrize("part", [World, Sky, Layer, Thing])
def test_every_field_says_what_it_may_hold(part: type) -> None:
    plain = {f.name for f in dataclasses.fields(part)} - {"sky"}
    assert {name for name, _ in domains(part)} == plain


@pytest.mark.parametrize("part", [World, Sky, Layer, Thing])
def test_defaults_lie_in_their_domains_and_on_their_grids(part: type) -> None:
    example = part()
    for name, domain in domains(part):
        value = getattr(example, name)
        if isinstance(domain, Choice):
            assert value in domain.options
            assert domain.value(domain.options.index(value)) == value
        else:
            assert domain.rounded(value) == pytest.approx(value, abs=(domain.high - domain.low) / domain.levels)


def test_rounding_moves_a_number_to_its_grid_and_into_its_range() -> None:
    number = Number(-1.0, 1.0, 201)
    assert number.rounded(0.1234567) == pytest.approx(0.12)
    assert number.rounded(7.0) == 1.0
    assert number.rounded(-7.0) == -1.0


def test_the_last_bits_of_a_number_do_not_matter() -> None:
    number = Number(0.0, 1.0)
    assert number.rounded(0.3) == number.rounded(math.nextafter(0.3, 1.0))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_not_finite_does_not_pass_as_a_place(value: float) -> None:
    if math.isnan(value):
        with pytest.raises(ValueError, match="NaN"):
            Number(0.0, 1.0).rounded(value)
    else:
        assert Number(0.0, 1.0).rounded(value) == 1.0


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_rounding_twice_is_rounding_once(scene: Scene) -> None:
    once = rounded(scene)
    assert rounded(once) == once


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_a_scene_survives_json(scene: Scene) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(scene)))) == scene


def test_a_word_outside_the_vocabulary_is_refused_by_name() -> None:
    plain = to_plain(SCENES["red heart"])
    plain["things"][0]["kind"] = "gizmo"
    with pytest.raises(ValueError, match=r"Thing\.kind: 'gizmo'"):
        from_plain(plain)


def test_a_scene_has_only_so_many_slots() -> None:
    with pytest.raises(ValueError, match="at most"):
        Scene(World(), (Layer(),) * (MAX_LAYERS + 1))
    with pytest.raises(ValueError, match="at most"):
        Scene(World(), (), (Thing(),) * (MAX_THINGS + 1))


def test_the_catalogue_knows_at_least_250_things() -> None:
    assert len(THINGS) >= 250


def test_every_thing_has_a_name_a_place_and_a_size() -> None:
    for kind in THINGS.values():
        assert kind.name
        assert kind.places
        assert 0 < kind.height < 100
        assert Setting.PLAIN in kind.settings


def test_names_of_common_things_lead_to_them() -> None:
    named = {name: key for key, kind in THINGS.items() for name in kind.names}
    assert named["kitten"] == "cat"
    assert named["spaceship"] == "rocket"
    assert Place.WATER in THINGS[named["yacht"]].places
