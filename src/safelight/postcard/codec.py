"""Between scenes and latents.

A scene first becomes *values*, an array (slots, fields) of option numbers and of numbers scaled to [-1, 1]; values
become *latents*, where each option is a code vector. Fields come from the schema's own metadata, so a new field needs
no line here.

Options of short lists get orthogonal codes. Options of long lists (settings, kinds of layers and things) get a
projection of the text encoder's embedding of their names, so that like things lie near each other; those tables are
made in training and saved with the weights. The nearest code vector wins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from safelight.postcard.layout import PRESENCE, PRESENT, Field, Layout, SlotKind, table_name
from safelight.postcard.scenes.scene import (
    MAX_LAYERS,
    MAX_THINGS,
    Choice,
    Domain,
    Layer,
    Scene,
    Sky,
    Thing,
    World,
    domains,
    rounded,
)

PARTS: tuple[tuple[str, type[Any], int], ...] = (
    ("world", World, 1),
    ("sky", Sky, 1),
    ("layer", Layer, MAX_LAYERS),
    ("thing", Thing, MAX_THINGS),
)
SHORT_LIST = 24
"""Up to this many options get orthogonal codes, one dimension each."""
CODE_NORM = 2.5
"""Length of a code vector: two options are 3.5 apart, told from each other once the noise's share is under a half."""

Values = NDArray[np.float32]


def code_width(options: int) -> int:
    """How many numbers a code vector has: one each for short lists, 24 up to a hundred names, 32 above."""
    if options <= SHORT_LIST:
        return options
    return 24 if options <= 100 else 32


def schema_layout() -> Layout:
    """The layout of the present schema: world, sky, layers, things; the last two begin with their presence."""
    config = []
    for name, part, count in PARTS:
        fields: list[dict[str, Any]] = []
        if count > 1:
            fields.append({"name": PRESENCE, "width": 1, "names": ["absent", "present"]})
        for field_name, domain in domains(part):
            names = list(domain.options) if isinstance(domain, Choice) else []
            fields.append({"name": field_name, "width": code_width(len(names)) if names else 1, "names": names})
        config.append({"name": name, "count": count, "fields": fields})
    return Layout.from_config(config)


def orthogonal_codes(options: int) -> Tensor:
    """`options` orthogonal vectors of length CODE_NORM: (options, options)."""
    return torch.eye(options) * CODE_NORM


def presence_codes() -> Tensor:
    return torch.tensor([[-1.0], [1.0]])


def projected_codes(embeddings: Tensor, width: int) -> Tensor:
    """Code vectors (names, width) out of embeddings of names (names, n): principal components, all of one length.

    They are partly whitened: the square root of full whitening keeps like names near without letting the first
    components drown the rest.
    """
    centred = (embeddings - embeddings.mean(0)).double()
    u, s, vh = torch.linalg.svd(centred, full_matrices=False)
    width_known = min(width, s.shape[0])
    sign = torch.sign(vh[:width_known].sum(1))  # the decomposition leaves signs free; fix them
    codes = u[:, :width_known] * s[:width_known].sqrt() * sign
    codes = torch.nn.functional.pad(codes, (0, width - width_known))
    scaled: Tensor = codes / codes.norm(dim=1, keepdim=True) * CODE_NORM * math.sqrt(2)
    return scaled.float()


class SceneCodec:
    """Encodes and decodes by a layout and its code tables (`table_name` -> (names, width)).

    A layout that was saved with older weights may lack options and fields of the present schema: those are never
    decoded, and missing fields keep their defaults.
    """

    def __init__(self, layout: Layout, tables: Mapping[str, Tensor]) -> None:
        self.layout = layout
        self.tables = tables
        self.fields = max(len(kind.fields) for kind in layout.kinds)
        kinds = next(f.names for f in layout.kind("thing").fields if f.name == "kind")
        self._catalogue_order = {name: i for i, name in enumerate(kinds)}
        self._domains: dict[str, dict[str, Domain]] = {name: dict(domains(part)) for name, part, _ in PARTS}

    def to_values(self, scene: Scene, *, in_order: bool = True) -> Values:
        """Values (slots, fields): things in canonical order, so that how many there are is easy to learn; or as they
        stand, unless `in_order`.

        Raises KeyError where the scene uses an option that the layout does not know.
        """
        scene = rounded(scene)
        parts = {
            "world": (scene.world,),
            "sky": (scene.world.sky,),
            "layer": scene.layers,
            "thing": tuple(scene.things[i] for i in self.order(scene)) if in_order else scene.things,
        }
        values = np.zeros((self.layout.slots, self.fields), dtype=np.float32)
        for kind in self.layout.kinds:
            for row, part in enumerate(parts[kind.name]):
                values[kind.first + row, : len(kind.fields)] = [self._value(kind, f, part) for f in kind.fields]
        return values

    def order(self, scene: Scene) -> list[int]:
        """The places of a scene's things in their canonical order."""
        return sorted(range(len(scene.things)), key=lambda i: self._thing_order(scene.things[i]))

    def _thing_order(self, thing: Thing) -> tuple[int, str, float]:
        return self._catalogue_order.get(thing.kind, -1), thing.colour, thing.x

    def _value(self, kind: SlotKind, f: Field, part: Any) -> float:
        if f.name == PRESENCE:
            return float(PRESENT)
        value = getattr(part, f.name)
        if f.is_category:
            try:
                return float(f.names.index(str(value)))
            except ValueError:
                raise KeyError(f"{kind.name}.{f.name}: {value!r} is not among this layout's names") from None
        domain = self._domains[kind.name][f.name]
        assert not isinstance(domain, Choice)
        return 2.0 * (float(value) - domain.low) / (domain.high - domain.low) - 1.0

    def from_values(self, values: Values) -> Scene:
        """The scene of some values, every number on the renderer's grid."""
        found: dict[str, list[Any]] = {}
        for name, part, count in PARTS:
            kind = self.layout.kind(name)
            rows = values[kind.first : kind.first + kind.count]
            found[name] = [
                part(**self._fields(kind, row)) for row in rows if count == 1 or round(float(row[0])) == PRESENT
            ]
        world, sky = found["world"][0], found["sky"][0]
        plain = {f: getattr(world, f) for f, _ in domains(World)}
        return rounded(Scene(World(**plain, sky=sky), tuple(found["layer"]), tuple(found["thing"])))

    def _fields(self, kind: SlotKind, row: Values) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for i, f in enumerate(kind.fields):
            if f.name == PRESENCE:
                continue
            domain = self._domains[kind.name][f.name]
            if isinstance(domain, Choice):
                plain[f.name] = domain.kind(f.names[round(float(row[i]))])
            else:
                plain[f.name] = domain.rounded(domain.low + (float(row[i]) + 1.0) / 2.0 * (domain.high - domain.low))
        return plain

    def to_latents(self, values: Tensor) -> Tensor:
        """Latents (batch, slots, width) of values (batch, slots, fields); an absent slot holds only its presence."""
        rows = []
        for kind in self.layout.kinds:
            part = values[:, kind.first : kind.first + kind.count]
            columns = []
            for i, f in enumerate(kind.fields):
                if f.is_category:
                    columns.append(self.tables[table_name(kind, f)].to(values.device)[part[..., i].long()])
                else:
                    columns.append(part[..., i : i + 1])
            row = torch.cat(columns, dim=-1).to(torch.float32)
            if kind.count > 1:
                row[..., 1:] *= part[..., :1]
            rows.append(torch.nn.functional.pad(row, (0, self.layout.width - kind.width)))
        return torch.cat(rows, dim=1)

    def to_values_from_latents(self, latents: Tensor) -> Tensor:
        """Values (batch, slots, fields) of latents (batch, slots, width): the nearest code vector wins."""
        out = latents.new_zeros((*latents.shape[:2], self.fields), dtype=torch.float32)
        for kind in self.layout.kinds:
            rows = latents[:, kind.first : kind.first + kind.count].float()
            for i, f in enumerate(kind.fields):
                part = rows[..., f.offset : f.offset + f.width]
                if f.is_category:
                    table = self.tables[table_name(kind, f)].to(part.device).float()
                    distance = (table**2).sum(-1) - 2.0 * part @ table.T
                    out[:, kind.first : kind.first + kind.count, i] = distance.argmin(-1).float()
                else:
                    out[:, kind.first : kind.first + kind.count, i] = part[..., 0].clamp(-1.0, 1.0)
        return out

    def decode(self, latents: Tensor) -> list[Scene]:
        """One scene for each item of latents (batch, slots, width)."""
        values = self.to_values_from_latents(latents.detach().cpu()).numpy()
        return [self.from_values(item) for item in values]
