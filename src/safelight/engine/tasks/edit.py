"""A prompt and pictures become a picture: which of the model's pipelines is called, with what, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Sized
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from safelight.contract.requests.order import Order
from safelight.engine.pipeline.arguments import JobRefused, options_used, pipeline_arguments
from safelight.engine.pipeline.edits.giving_back import given_back
from safelight.engine.pipeline.edits.pictures import as_image, fitted, kept_outside
from safelight.engine.pipeline.edits.twins import IMAGE_TO_IMAGE, INPAINTING
from safelight.engine.pipeline.edits.ways import Way
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.control import following
from safelight.engine.tasks.task import Drawn, as_asked, shown

# OmniGen's prompt says where each picture stands in it; one that does not has them all before its words, as its paper
# (arXiv 2409.11340) writes them.
_PLACE, _PLACED = "<img><|image_{}|></img>", "<|image_1|>"


class Edit:
    """One order of this task, said to the model that draws it.

    Raises:
        JobRefused: the model's pipelines do not take something that the order asks for.
    """

    def __init__(self, order: Order, model: LoadedModel) -> None:
        recipe = order.recipe
        self._size = recipe.width, recipe.height
        images = [as_image(each) for each in recipe.inputs if each.role == "image"]
        mask = next((fitted(as_image(each), *self._size) for each in recipe.inputs if each.role == "mask"), None)
        self._masked = mask is not None
        way = way_of(model, masked=self._masked)
        check_count(way, images)
        self._follows = following(recipe, model, INPAINTING if self._masked else IMAGE_TO_IMAGE)
        if self._follows is not None:  # it takes pictures as the one beside it does
            way = replace(way, pipeline=self._follows.found.pipeline, parameters=self._follows.found.parameters)
        self._recipe, self._takes, self._first = recipe, way.parameters, fitted(images[0], *self._size)
        self._mask = mask
        self.arguments = pipeline_arguments(order, model.drawing_by(way)) | self._pictures(way, model, images)
        if self._follows is not None:
            self.arguments |= self._follows.arguments(recipe)
        self._whole = int(self.arguments.get("num_inference_steps") or model.steps)
        strength = self._strength(way)
        self._gives_back = strength == 0
        if way.takes.strength:
            self.arguments["strength"] = strength = _at_least_a_step(strength, self._whole)
        self.steps = max(1, math.ceil(self._whole * strength))

    def _strength(self, way: Way) -> float:
        """As asked for, else the pipeline's own default; 1 where there is none to set."""
        asked = self._recipe.options.get("strength")
        if asked is not None and not way.takes.strength:
            raise JobRefused("This model takes no `strength`.", param="strength")
        own = way.parameters.get("strength")
        return float(own or 1) if asked is None else float(asked)  # type: ignore[arg-type]  # it was parsed

    def _pictures(self, way: Way, model: LoadedModel, images: list[Image.Image]) -> dict[str, Any]:
        takes = way.takes
        over = takes.fitted or self._masked
        first = self._first if over else images[0]
        given: dict[str, Any] = {takes.pictures: [first, *images[1:]] if takes.most > 1 else first}
        if takes.references and len(images) > 1:
            given[takes.references] = images[1]
        if takes.mask and (self._mask is not None or way.all_anew):
            given[takes.mask] = self._mask or Image.new("L", self._size, 255)
        if "max_area" in way.parameters and "max_area" not in model.arguments:
            given["max_area"] = self._size[0] * self._size[1]
        if takes.pictures == "input_images" and _PLACED not in self._recipe.prompt:
            places = "".join(_PLACE.format(number) for number in range(1, len(images) + 1))
            given["prompt"] = f"{places} {self._recipe.prompt}"
        return given

    def pipeline(self, model: LoadedModel) -> Any:
        """The one that draws from pictures, or from pictures with a mask, or follows maps beside."""
        return way_of(model, masked=self._masked).pipeline if self._follows is None else self._follows.pipeline(model)

    def draw(self, pipeline: Any, generator: torch.Generator) -> Drawn:
        """Raises PictureRefused: it is not to be shown."""
        if self._gives_back:
            picture = given_back(pipeline, self._first)
        else:
            picture = shown(pipeline(**self.arguments, generator=generator))
        picture = as_asked(picture, *self._size)
        # Pipelines decode all of the picture, and a decoder gives nothing back to the last bit.
        return Drawn(picture if self._mask is None else kept_outside(picture, self._first, self._mask))

    def used(self) -> dict[str, Any]:
        return {"steps": self._whole} | options_used(self._recipe, self.arguments, self._takes)


def way_of(model: LoadedModel, *, masked: bool) -> Way:
    """How the model draws from pictures, with a mask or without.

    Raises:
        JobRefused: it does not.
    """
    way = model.ways.of(masked=masked)
    if way is not None:
        return way
    if masked and model.ways.pictures:
        raise JobRefused("This model takes no `mask`.", param="mask")
    if model.ways.masked:
        said = "This model draws from a picture only with a `mask`."
        raise JobRefused(said, param="mask", code="missing_required_parameter")
    raise JobRefused("This model takes no pictures.", param="model", code="unsupported_operation")


def check_count(way: Way, images: Sized) -> None:
    """Raises JobRefused: there are more than that way takes."""
    if len(images) > way.most:
        many = "one picture" if way.most == 1 else f"at most {way.most} pictures"
        said = f"This model takes {many} {'with a mask' if way.takes.mask else 'at once'}."
        raise JobRefused(said, param="image", code="invalid_value")


def _at_least_a_step(strength: float, steps: int) -> float:
    """A strength under one step of the schedule as that of one step: some pipelines round it down to none and fail.

    Exactly one, whichever way a pipeline rounds: `1 / steps` times `steps` is less than 1 for some numbers.
    """
    if not 0 < strength * steps < 1:
        return strength
    least = 1 / steps
    return least if least * steps >= 1 else math.nextafter(least, 1)
