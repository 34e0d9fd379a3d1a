"""How a scene's numbers lie in the latent tensor: slots, their kinds, and the fields inside each slot.

A latent is a tensor of shape (batch, slots, width). Slots of one kind share a list of fields; a field takes one number,
or as many as its code vectors have. Numbers behind a slot's last field are padding: the transformer reads none of them.
The layout is saved in the transformer's and the decoder's configuration, so that weights stay readable when the
vocabulary grows: a name that was not there in training is never decoded.
"""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PRESENCE = "present"
"""The first field of a slot that may be absent; its names are "absent" and "present"."""
ABSENT, PRESENT = 0, 1


@dataclass(frozen=True)
class Field:
    """One field of a slot: a number (`names` empty), or one of `names`, written as that name's code vector.

    `offset` and `width` say which of the slot's numbers it takes.
    """

    name: str
    offset: int
    width: int
    names: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        return bool(self.names)

    @property
    def outputs(self) -> int:
        """How many numbers a network gives for it: one, or a logit for each name."""
        return len(self.names) or 1


@dataclass(frozen=True)
class SlotKind:
    """Slots first .. first + count - 1, all with the same fields."""

    name: str
    first: int
    count: int
    fields: tuple[Field, ...]

    @property
    def width(self) -> int:
        return sum(f.width for f in self.fields)

    @property
    def outputs(self) -> int:
        return sum(f.outputs for f in self.fields)


@dataclass(frozen=True)
class Layout:
    """All kinds of slots, in the order in which they lie in the latent."""

    kinds: tuple[SlotKind, ...]
    slots: int = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slots", sum(kind.count for kind in self.kinds))
        object.__setattr__(self, "width", max(kind.width for kind in self.kinds))

    def kind(self, name: str) -> SlotKind:
        return next(kind for kind in self.kinds if kind.name == name)

    def to_config(self) -> list[dict[str, Any]]:
        """Plain lists and dictionaries, as they stand in config.json."""
        return [
            {
                "name": kind.name,
                "count": kind.count,
                "fields": [{"name": f.name, "width": f.width, "names": list(f.names)} for f in kind.fields],
            }
            for kind in self.kinds
        ]

    @classmethod
    def from_config(cls, config: Sequence[dict[str, Any]]) -> Layout:
        """The layout that `to_config` wrote."""
        kinds = []
        first = 0
        for entry in config:
            fields = []
            offset = 0
            for f in entry["fields"]:
                fields.append(Field(f["name"], offset, f["width"], tuple(f["names"])))
                offset += f["width"]
            kinds.append(SlotKind(entry["name"], first, entry["count"], tuple(fields)))
            first += entry["count"]
        return cls(tuple(kinds))


def table_name(kind: SlotKind, f: Field) -> str:
    """Under which name the code vectors of a category are kept among a module's buffers."""
    return f"codes_{kind.name}_{f.name}"
