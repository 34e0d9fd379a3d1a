"""A scene goes through the latent and comes back as it was."""

import dataclasses
import random
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.postcard.codec import (
    SceneCodec,
    orthogonal_codes,
    presence_codes,
    projected_codes,
    schema_layout,
)
from safelight.postcard.layout import PRESENCE, Layout, table_name
from safelight.postcard.scenes.scene import (
    MAX_LAYERS,
    MAX_THINGS,
    Choice,
    Layer,
    Part,
    Scene,
    Sky,
    Thing,
    World,
    domains,
    rounded,
)


@cache
def codec() -> SceneCodec:
    """The schema's codec with code tables from random name embeddings, fixed by a seed."""
    layout = schema_layout()
    generator = torch.Generator().manual_seed(0)
    tables = {}
    for kind in layout.kinds:
        for f in kind.fields:
            if f.name == PRESENCE:
                tables[table_name(kind, f)] = presence_codes()
            elif f.is_category and f.width == len(f.names):
                tables[table_name(kind, f)] = orthogonal_codes(f.width)
            elif f.is_category:
                embeddings = torch.randn(len(f.names), 384, generator=generator)
                tables[table_name(kind, f)] = projected_codes(embeddings, f.width)
    return SceneCodec(layout, tables)


def random_part(part: type[Part], rng: random.Random) -> Part:
    values: dict[str, Any] = {}
    for name, domain in domains(part):
        values[name] = (
            domain.value(rng.randrange(len(domain.options)))
            if isinstance(domain, Choice)
            else rng.uniform(domain.low, domain.high)
        )
    return part(**values)


def random_scene(seed: int) -> Scene:
    rng = random.Random(seed)
    world = dataclasses.replace(random_part(World, rng), sky=random_part(Sky, rng))
    return Scene(
        world,
        tuple(random_part(Layer, rng) for _ in range(rng.randint(0, MAX_LAYERS))),
        tuple(random_part(Thing, rng) for _ in range(rng.randint(0, MAX_THINGS))),
    )


def in_canonical_order(scene: Scene) -> Scene:
    found = codec().from_values(codec().to_values(scene))
    return dataclasses.replace(rounded(scene), things=found.things)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_a_scene_comes_back_exactly_from_its_latent(seed: int) -> None:
    scene = random_scene(seed)
    latents = codec().to_latents(torch.from_numpy(codec().to_values(scene))[None])
    back = codec().decode(latents)[0]
    assert back == in_canonical_order(scene)
    key = dataclasses.astuple
    assert sorted(map(key, back.things)) == sorted(map(key, rounded(scene).things))


def test_noise_of_a_tenth_changes_no_category() -> None:
    scene = random_scene(7)
    latents = codec().to_latents(torch.from_numpy(codec().to_values(scene))[None])
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    back = codec().decode(latents + 0.1 * noise)[0]
    assert [t.kind for t in back.things] == [t.kind for t in in_canonical_order(scene).things]
    assert [(x.kind, x.colour) for x in back.layers] == [(x.kind, x.colour) for x in scene.layers]
    assert (back.world.setting, back.world.style) == (scene.world.setting, scene.world.style)


def test_things_are_put_in_one_order_whatever_order_they_came_in() -> None:
    scene = random_scene(3)
    turned = dataclasses.replace(scene, things=scene.things[::-1])
    assert len(scene.things) > 1
    assert (codec().to_values(scene) == codec().to_values(turned)).all()


def test_any_latent_decodes_to_a_scene_inside_the_schema() -> None:
    wild = torch.randn((8, codec().layout.slots, codec().layout.width), generator=torch.Generator().manual_seed(2)) * 10
    for scene in codec().decode(wild):
        assert scene == rounded(scene)


def test_an_option_that_the_layout_does_not_know_is_named() -> None:
    config = schema_layout().to_config()
    kinds = next(f for f in config[-1]["fields"] if f["name"] == "kind")
    kinds["names"] = [name for name in kinds["names"] if name != "deer"]
    older = SceneCodec(Layout.from_config(config), {})
    with pytest.raises(KeyError, match="deer"):
        older.to_values(Scene(things=(Thing(kind="deer"),)))


def test_a_layout_survives_its_configuration() -> None:
    assert Layout.from_config(schema_layout().to_config()) == schema_layout()


def test_code_vectors_are_apart_and_of_one_length() -> None:
    table = projected_codes(torch.randn(40, 384, generator=torch.Generator().manual_seed(0)), 24)
    norms = table.norm(dim=1)
    assert torch.allclose(norms, norms[0].expand(40), atol=1e-4)
    assert torch.cdist(table, table).fill_diagonal_(9).min() > 1.0
