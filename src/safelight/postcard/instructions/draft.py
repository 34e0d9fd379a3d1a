"""A plan in the making: a scene, and which of its fields are drawn anew."""

# Tested in tests/postcard/test_instructions.py.

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from safelight.postcard.scenes.scene import MAX_LAYERS, MAX_THINGS, Layer, Scene, Thing, World, domains

Fields = frozenset[str]
ALL_OF_A_LAYER: Fields = frozenset(name for name, _ in domains(Layer))
ALL_OF_A_THING: Fields = frozenset(name for name, _ in domains(Thing))


@dataclass(frozen=True)
class Plan:
    """`things` and `layers` of the scene each have, at the same place, the fields that are drawn anew."""

    scene: Scene
    world: Fields = frozenset()
    sky: Fields = frozenset()
    layers: tuple[Fields, ...] = ()
    things: tuple[Fields, ...] = ()


@dataclass
class Draft:
    """A plan in the making."""

    world: World
    layers: list[tuple[Layer, Fields]]
    things: list[tuple[Thing, Fields]]
    free_world: set[str] = field(default_factory=set)
    free_sky: set[str] = field(default_factory=set)
    apart: bool = True

    def sky(self, **values: Any) -> None:
        self.world = replace(self.world, sky=replace(self.world.sky, **values))

    def plan(self) -> Plan:
        layers, things = self.layers[:MAX_LAYERS], self.things[:MAX_THINGS]
        return Plan(
            Scene(self.world, tuple(x for x, _ in layers), tuple(x for x, _ in things)),
            frozenset(self.free_world),
            frozenset(self.free_sky),
            tuple(free for _, free in layers),
            tuple(free for _, free in things),
        )
