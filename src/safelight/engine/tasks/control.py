"""What a ControlNet follows, said to the pipeline that draws with it."""

# Tested in tests/engine/test_controls.py.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from safelight.contract.requests.order import Recipe
from safelight.engine.pipeline.arguments import JobRefused
from safelight.engine.pipeline.edits.controls import Follower, Task
from safelight.engine.pipeline.edits.pictures import as_image, fitted
from safelight.engine.pipeline.model import LoadedModel


@dataclass(frozen=True)
class Following:
    """The ControlNets that an order names, and the pipeline's class that draws with them."""

    names: tuple[str, ...]
    found: Follower

    def pipeline(self, model: LoadedModel) -> Any:
        """That pipeline, over the model's own components."""
        return model.controls.pipeline(model.pipeline, self.found, self.names)

    def arguments(self, recipe: Recipe) -> dict[str, Any]:
        """The maps in the size of the drawing, and how much they count."""
        size = recipe.width, recipe.height
        images = [fitted(as_image(each), *size) for each in recipe.inputs if each.role == "control"]
        said: dict[str, Any] = {self.found.picture: images if len(images) > 1 else images[0]}
        scale = recipe.options.get("control_strength", self.found.parameters[self.found.scale])
        assert isinstance(scale, int | float)  # it was parsed, or is diffusers' own
        return said | {self.found.scale: float(scale) if len(images) == 1 else [float(scale)] * len(images)}


def following(recipe: Recipe, model: LoadedModel, task: Task) -> Following | None:
    """What an order follows; None: nothing.

    Raises:
        JobRefused: the model has no such ControlNet, or does not follow it in that task or together with others.
    """
    names = tuple(each.name for each in recipe.inputs if each.role == "control")
    if not names:
        if "control_strength" in recipe.options:
            raise JobRefused("`control_strength` needs `control`.", param="control_strength", code="invalid_value")
        return None
    for name in names:
        if name not in model.controls.nets:
            known = ", ".join(model.controls.nets) or "none"
            raise JobRefused(
                f"This model has no ControlNet `{name}`. It has: {known}.", param="control", code="invalid_value"
            )
    found = model.controls.follower(type(model.pipeline), names, task)
    if found is None:
        what = f"the ControlNet `{names[0]}` here" if len(names) == 1 else f"these ControlNets together: {names}"
        raise JobRefused(f"This model does not follow {what}.", param="control", code="invalid_value")
    return Following(names, found)
