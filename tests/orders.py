"""Orders from flat fields: what a test says of a picture, whichever part of the order that belongs to."""

from __future__ import annotations

from typing import Any

import msgspec

from safelight.contract.requests.order import FileSpec, Order, Recipe, Share

_FILE = {"output_format": "format", "compression": "compression", "metadata": "metadata", "model": "model"}


def order(id: str = "order", **fields: Any) -> Order:
    """An order for a small square PNG, with these fields; what is none of an order's is an option of its recipe."""
    small = Order(
        id=id,
        recipe=Recipe(source="postcard", prompt="a boat", width=64, height=64, seed=7),
        file=FileSpec(format="png", model="stable-image-ultra"),
    )
    return changed(small, **fields)


def changed(before: Order, **fields: Any) -> Order:
    """The same order with other fields. An option that is None or empty is left to the model."""
    name, began_with = fields.pop("id", before.id), fields.pop("began_with", before.began_with)
    file = {_FILE[field]: fields.pop(field) for field in list(fields) if field in _FILE}
    share = {field: fields.pop(field) for field in list(fields) if field in Share.__struct_fields__}
    recipe = {field: fields.pop(field) for field in list(fields) if field in Recipe.__struct_fields__}
    options = {field: value for field, value in (before.recipe.options | fields).items() if value not in (None, "")}
    return Order(
        id=name,
        recipe=msgspec.structs.replace(before.recipe, **{"options": options} | recipe),
        file=msgspec.structs.replace(before.file, **file),
        share=msgspec.structs.replace(before.share, **share),
        began_with=began_with,
    )
