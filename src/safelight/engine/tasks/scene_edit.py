"""A prompt and a drawing of the model's own become a drawing: what is drawn from is its scene, not its pixels."""

# Tested in tests/engine/test_scene_edit.py.

from __future__ import annotations

import math
from typing import Any

import torch

from safelight.contract.requests.order import Order
from safelight.engine.pipeline.arguments import JobRefused, options_used, pipeline_arguments
from safelight.engine.pipeline.edits.pictures import as_image, fitted
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.edit import check_count, way_of
from safelight.engine.tasks.task import Drawn, scene_in, shown


class SceneEdit:
    """One order of this task, said to the model that draws it.

    Raises:
        JobRefused: the model's pipelines do not take something that the order asks for, or the picture has no scene.
    """

    def __init__(self, order: Order, model: LoadedModel) -> None:
        recipe = order.recipe
        images = [each for each in recipe.inputs if each.role == "image"]
        mask = next((as_image(each) for each in recipe.inputs if each.role == "mask"), None)
        self._masked = mask is not None
        way = way_of(model, masked=self._masked)
        check_count(way, images)
        if images[0].scene is None:
            raise JobRefused(
                "The picture says nothing of its scene, and this model edits scenes.",
                param="image",
                code="invalid_image",
            )
        self._recipe, self._takes = recipe, way.parameters
        self.arguments = pipeline_arguments(order, model.drawing_by(way)) | {way.takes.pictures: images[0].scene}
        if mask is not None and way.takes.mask is not None:
            self.arguments[way.takes.mask] = fitted(mask, recipe.width, recipe.height)
        self._whole = int(self.arguments.get("num_inference_steps") or model.steps)
        strength = recipe.options.get("strength")
        if strength is not None:
            self.arguments["strength"] = strength
        self.steps = max(1, math.ceil(self._whole * float(strength or 1)))  # type: ignore[arg-type]  # it was parsed

    def pipeline(self, model: LoadedModel) -> Any:
        """The one that draws from scenes, or from scenes with a mask."""
        return way_of(model, masked=self._masked).pipeline

    def draw(self, pipeline: Any, generator: torch.Generator) -> Drawn:
        """Raises PictureRefused: it is not to be shown."""
        output = pipeline(**self.arguments, generator=generator)
        return Drawn(shown(output), scene_in(output))

    def used(self) -> dict[str, Any]:
        return {"steps": self._whole} | options_used(self._recipe, self.arguments, self._takes)
