"""A prompt becomes a picture: what the pipeline is called with, and what is taken from its result.

A task that works from a picture too is a file beside this one.
"""

# Tested in tests/engine/test_arguments.py.

from __future__ import annotations

from typing import Any

from PIL import Image

from safelight.contract.errors import SafelightError
from safelight.contract.order import Order
from safelight.engine.pipeline.arguments import options_used, pipeline_arguments
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.review import is_flagged


class PictureRefused(SafelightError):
    """The model's own safety checker would rather not show the picture."""


class TextToImage:
    """One order of this task, said to the model that draws it.

    Raises:
        JobRefused: the pipeline does not take something that the order asks for.
    """

    def __init__(self, order: Order, model: LoadedModel) -> None:
        self._recipe, self._takes = order.recipe, model.parameters
        self.arguments = pipeline_arguments(order, model)
        self.steps = int(self.arguments.get("num_inference_steps") or model.steps)

    def used(self) -> dict[str, Any]:
        """What was used beside prompts, size and seed, by the names that requests have for it."""
        return {"steps": self.steps} | options_used(self._recipe, self.arguments, self._takes)

    def picture(self, output: Any) -> Any:
        """The picture in what the pipeline gave: a PIL image of the size that was asked for, or a drawing as SVG.

        Raises:
            PictureRefused: it is not to be shown.
        """
        if is_flagged(output):
            raise PictureRefused
        # The first of what a pipeline gives is the pictures, under whichever name.
        return as_asked(output[0][0], self._recipe.width, self._recipe.height)


def as_asked(picture: Any, width: int, height: int) -> Any:
    """A picture of pixels in the size that was asked for; drawings are left as they are.

    Some pipelines draw at the nearest size that they know and leave it at that (HiDream: always about a megapixel).
    """
    if isinstance(picture, Image.Image) and picture.size != (width, height):
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture
