"""Which task an order is."""

# Tested in tests/engine/test_edit.py.

from __future__ import annotations

from safelight.contract.requests.order import Order
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.edit import Edit
from safelight.engine.tasks.scene_edit import SceneEdit
from safelight.engine.tasks.task import Task
from safelight.engine.tasks.text_to_image import TextToImage


def task_of(order: Order, model: LoadedModel) -> Task:
    """The order, said to the model that draws it.

    Raises:
        JobRefused: the model's pipeline does not take something that the order asks for.
    """
    if not order.recipe.is_edit:
        return TextToImage(order, model)
    edits = model.ways.traits
    return SceneEdit(order, model) if edits is not None and edits.scene else Edit(order, model)
