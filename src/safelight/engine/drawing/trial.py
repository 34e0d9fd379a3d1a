"""A picture that nobody asked for, drawn to see whether a model draws at all: at its start, or once one has failed."""

# Tested in tests/engine/test_warm_up.py.

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.contract.requests.order import FileSpec, InputPicture, Order, Recipe, Share
from safelight.engine.pipeline.model import LoadedModel

if TYPE_CHECKING:
    from safelight.engine.residency.slot import ModelSlot
    from safelight.engine.runs.failures import Failure

_PROMPT = "a lighthouse on a cliff by the sea at sunset"


def trial_order(model: LoadedModel, width: int, height: int, steps: int, group: str = "") -> Order:
    """A plain picture of that size; of a model that works from pictures alone one from grey ones."""
    return Order(
        id=trial_id(model.source),
        recipe=Recipe(
            source=model.source,
            prompt=_PROMPT,
            width=width,
            height=height,
            seed=1,
            options={"steps": steps},
            inputs=() if model.ways.words else _grey(width, height),
        ),
        file=FileSpec(format="png", model=model.name),
        share=Share(group=group),
    )


def _grey(width: int, height: int) -> tuple[InputPicture, ...]:
    pixels = bytes([128]) * (3 * width * height)
    return (InputPicture(role="image", sha256="", width=width, height=height, pixels=pixels),)


def trial_after(failure: Failure, failed: Order, slot: ModelSlot) -> Order | None:
    """What to draw now that a picture has failed: a picture of the model's own size, if it never drew any.

    Without a picture at its start (`warm_up_seconds` 0) it is not known whether the model or the request is at fault.
    Where a request may succeed later, for memory say, and after a trial, there is nothing to try; nor where the order
    was refused for what it asks for, or its picture by a safety checker: that is no fault of the model.
    """
    model = slot.model
    if model is None or slot.known.ability != "unknown" or failure.retry_helps or failure.is_refusal:
        return None
    return trial_order(model, model.traits.width, model.traits.height, model.steps, failed.share.group)


def trial_id(source: str) -> str:
    """The id of that model's trial. No request's has a space in it."""
    return f"trial {source}"


def is_trial(order: Order) -> bool:
    return order.id == trial_id(order.recipe.source)
