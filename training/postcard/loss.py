"""What the denoiser is trained to minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from safelight.postcard.layout import PRESENCE, Field, Layout, SlotKind

NUMBER_WEIGHT = 2.0
"""Squared error of a number in [-1, 1] against nats of a category: a guess costs about 0.6 against 1 to 6."""
FIELD_WEIGHTS = {
    "detail": 0.05,
    "variant": 0.2,
    "mood": 0.3,
    "hue": 0.3,
    "wind": 0.3,
    "facing": 0.3,
    "phase": 0.4,
    "cloud_kind": 0.5,
    "peak": 0.4,
    "roughness": 0.3,
    "density": 0.4,
    "x": 5.0,
    "depth": 2.0,
    "lift": 2.0,
    PRESENCE: 3.0,
    "thing.kind": 2.0,
    "thing.colour": 2.5,
    "thing.present": 4.0,
}
"""Weights by field, or by slot and field; others have 1. What no caption speaks of counts less: its error cannot fall,
and its gradient is noise to the rest. Presence carries the number of things, x and depth their places: at weight 1, the
squared error of x (0.25) was drowned by the nats of categories, and 160,000 samples taught no place."""


def field_weight(kind: SlotKind, f: Field) -> float:
    """How much a field of a kind of slot counts."""
    return FIELD_WEIGHTS.get(f"{kind.name}.{f.name}", FIELD_WEIGHTS.get(f.name, 1.0))


def scene_loss(layout: Layout, heads: dict[str, Tensor], values: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss for each sample (batch,), and its mean for each field by "kind.field", unweighted.

    heads: kind -> (batch, count, outputs) before the softmax. values: (batch, slots, fields). Cross-entropy for
    categories, squared error for numbers, summed over present slots and fields: a sum, not a mean, so that every thing
    in a crowded picture counts as much as a lonely one.
    """
    total = values.new_zeros(values.shape[0])
    parts = {}
    for kind in layout.kinds:
        target = values[:, kind.first : kind.first + kind.count]
        present = target[..., 0] if kind.count > 1 else torch.ones_like(target[..., 0])
        start = 0
        for i, f in enumerate(kind.fields):
            out = heads[kind.name][..., start : start + f.outputs]
            start += f.outputs
            if f.is_category:
                error = F.cross_entropy(out.flatten(0, 1), target[..., i].long().flatten(), reduction="none")
                error = error.view_as(present)
            else:
                error = NUMBER_WEIGHT * (out[..., 0] - target[..., i]) ** 2
            if f.name != PRESENCE:
                error = error * present
            total = total + field_weight(kind, f) * error.sum(1)
            parts[f"{kind.name}.{f.name}"] = error.detach().sum() / (
                present.sum().clamp_min(1.0) if f.name != PRESENCE else present.numel()
            )
    return total, parts
