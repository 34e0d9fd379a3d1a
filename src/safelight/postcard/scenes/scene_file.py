"""A scene as the text that its files carry: compact JSON, in a few hundred to some 1,500 bytes.

`{"postcard": 1, "world": [...], "sky": [...], "layers": [[...]], "things": [[...]]}`: the first number is the version
of this form, each list has a part's fields in the schema's order (`safelight.postcard.scenes.scene`). A word stands as
itself, a number as its place on its grid. Files come from strangers, so what is read has to be exactly that.
"""

# Tested in tests/postcard/test_scene_file.py.

from __future__ import annotations

import dataclasses
import json
from typing import Any

from safelight.postcard.scenes.scene import (
    MAX_LAYERS,
    MAX_THINGS,
    Choice,
    Domain,
    Layer,
    Part,
    Scene,
    Sky,
    Thing,
    World,
    domains,
)

VERSION = 1
MOST_BYTES = 4096
"""Twice the longest scene that can be written."""
_PARTS = ("postcard", "world", "sky", "layers", "things")


class UnreadableScene(ValueError):
    """The text is no scene, or one of a later version; the message says which."""


def written(scene: Scene) -> str:
    """The scene as text, all ASCII, without characters that XML escapes in text."""
    world = scene.world
    plain = {
        "postcard": VERSION,
        "world": _row(world),
        "sky": _row(world.sky),
        "layers": [_row(layer) for layer in scene.layers],
        "things": [_row(thing) for thing in scene.things],
    }
    return json.dumps(plain, separators=(",", ":"))


def read(content: bytes | str) -> Scene:
    """The scene of a text that `written` wrote.

    Raises:
        UnreadableScene: it is none.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableScene(f"a scene has at most {MOST_BYTES} bytes")
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError):
        raise UnreadableScene("it is no JSON") from None
    if not isinstance(plain, dict) or tuple(plain) != _PARTS:
        raise UnreadableScene(f"a scene is an object of {', '.join(_PARTS)}")
    if type(plain["postcard"]) is not int or plain["postcard"] != VERSION:
        raise UnreadableScene(f"only version {VERSION} is known")
    world = dataclasses.replace(_part(World, plain["world"]), sky=_part(Sky, plain["sky"]))
    return Scene(world, _parts(Layer, plain["layers"], MAX_LAYERS), _parts(Thing, plain["things"], MAX_THINGS))


def _row(part: Any) -> list[str | int]:
    return [_plain(domain, getattr(part, name)) for name, domain in domains(type(part))]


def _plain(domain: Domain, value: Any) -> str | int:
    return str(value) if isinstance(domain, Choice) else domain.step(value)


def _parts(part: type[Part], rows: Any, most: int) -> tuple[Part, ...]:
    if not isinstance(rows, list) or len(rows) > most:
        raise UnreadableScene(f"there are at most {most} rows of {part.__name__}")
    return tuple(_part(part, row) for row in rows)


def _part(part: type[Part], row: Any) -> Part:
    fields = list(domains(part))
    if not isinstance(row, list) or len(row) != len(fields):
        raise UnreadableScene(f"a row of {part.__name__} has {len(fields)} values")
    values = {name: _value(domain, value) for (name, domain), value in zip(fields, row, strict=True)}
    return part(**values)


def _value(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Choice):
        if not isinstance(value, str) or value not in domain.options:
            raise UnreadableScene("a word is not in the vocabulary")
        return domain.kind(value)
    if type(value) is not int or not 0 <= value < domain.levels:
        raise UnreadableScene("a number is not on its grid")
    return domain.at(value)
