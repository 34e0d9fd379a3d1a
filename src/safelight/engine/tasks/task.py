"""What every task has in common: one order, said to the pipeline of its model that draws it."""

# Tested in tests/engine/test_arguments.py.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from PIL import Image

from safelight.contract.errors import SafelightError
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.review import is_flagged


class PictureRefused(SafelightError):
    """The model's own safety checker would rather not show the picture."""


@dataclass(frozen=True)
class Drawn:
    """A PIL image of the size that was asked for, or a drawing as SVG. `scene` is what it shows in its model's own
    words, which its file carries so that the model can edit it; None where the model has none."""

    picture: Any
    scene: str | None = None


class Task(Protocol):
    """An order in a pipeline's words. It keeps nothing of the model, which may be put away before the order is drawn.

    `arguments` are those of the pipeline's call. `steps` is how many it is expected to take.
    """

    arguments: dict[str, Any]
    steps: int

    def pipeline(self, model: LoadedModel) -> Any:
        """Which of the model's pipelines draws it."""

    def draw(self, pipeline: Any, generator: torch.Generator) -> Drawn:
        """Call that pipeline, or a copy of it.

        Raises:
            PictureRefused: it is not to be shown.
        """

    def used(self) -> Mapping[str, Any]:
        """What was used beside prompts, size and seed, by the names that requests have for it."""


def shown(output: Any) -> Any:
    """The picture in what a pipeline gave.

    Raises:
        PictureRefused: the pipeline's safety checker says that it is not to be shown.
    """
    if is_flagged(output):
        raise PictureRefused
    # The first of what a pipeline gives is the pictures, under whichever name.
    first = output[0][0]
    return first[0] if isinstance(first, list) else first  # of a video its one frame


def scene_in(output: Any) -> str | None:
    """What the picture in a pipeline's output shows, where the pipeline says it."""
    scenes = getattr(output, "scenes", None)
    return scenes[0] if scenes else None


def as_asked(picture: Any, width: int, height: int) -> Any:
    """A picture of pixels in the size that was asked for; drawings are left as they are.

    Some pipelines draw at the nearest size that they know and leave it at that (HiDream: always about a megapixel).
    """
    if isinstance(picture, Image.Image) and picture.size != (width, height):
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture
