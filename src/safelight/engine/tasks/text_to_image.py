"""A prompt becomes a picture: what the pipeline is called with, and what is taken from its result."""

# Tested in tests/engine/test_arguments.py.

from __future__ import annotations

from typing import Any

import torch

from safelight.contract.parameters.calls import EDIT_PATH
from safelight.contract.requests.order import Order
from safelight.engine.pipeline.arguments import JobRefused, options_used, pipeline_arguments
from safelight.engine.pipeline.edits.controls import WORDS
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.control import following
from safelight.engine.tasks.task import Drawn, as_asked, scene_in, shown


class TextToImage:
    """One order of this task, said to the model that draws it.

    Raises:
        JobRefused: the pipeline does not take something that the order asks for.
    """

    def __init__(self, order: Order, model: LoadedModel) -> None:
        if not model.ways.words:
            raise JobRefused(
                f"This model works from a picture: send one to `{EDIT_PATH}`.",
                param="model",
                code="unsupported_operation",
            )
        if "strength" in order.recipe.options:
            raise JobRefused(
                "`strength` says how much of a picture is drawn anew, and there is none.", param="strength"
            )
        self._recipe, self._follows = order.recipe, following(order.recipe, model, WORDS)
        if self._follows is not None:
            model = model.drawing_by(self._follows.found)
        self._takes = model.parameters
        self.arguments = pipeline_arguments(order, model)
        if self._follows is not None:
            self.arguments |= self._follows.arguments(order.recipe)
        self.steps = int(self.arguments.get("num_inference_steps") or model.steps)

    def pipeline(self, model: LoadedModel) -> Any:
        """Its own, or the one that follows the maps of the order."""
        return model.pipeline if self._follows is None else self._follows.pipeline(model)

    def draw(self, pipeline: Any, generator: torch.Generator) -> Drawn:
        """Raises PictureRefused: it is not to be shown."""
        output = pipeline(**self.arguments, generator=generator)
        picture = as_asked(shown(output), self._recipe.width, self._recipe.height)
        return Drawn(picture, scene_in(output))

    def used(self) -> dict[str, Any]:
        return {"steps": self.steps} | options_used(self._recipe, self.arguments, self._takes)
