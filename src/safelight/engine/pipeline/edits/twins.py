"""Pipelines that do another task with the same components: an image-to-image one, an inpainting one.

diffusers names them alike in all families, and its own tables (`AutoPipelineForImage2Image`) have no other pairs; a
test holds that. The tables themselves would import forty families that a worker does not serve.
"""

# Tested in tests/engine/test_pictures_needed.py.

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Collection, Iterator
from types import ModuleType
from typing import Any

import diffusers

IMAGE_TO_IMAGE, INPAINTING = ("Img2Img",), ("Inpaint", "Inpainting")
_TASKS = re.compile("Img2Img|Inpainting|Inpaint")
_ENDS = ("CombinedPipeline", "Pipeline")


def twin_class(pipeline_class: type, marks: Collection[str]) -> type | None:
    """The class of that task beside a pipeline's own; None where its package has none. It may be the same."""
    package = _package(pipeline_class)
    for name in _names(pipeline_class.__name__, marks):
        found = getattr(package, name, None)
        if hasattr(found, "_backends"):  # it stands for one that cannot be made here
            continue
        if isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline):
            return found
    return None


def _package(pipeline_class: type) -> ModuleType | None:
    """That which offers the class: diffusers all of its own, a package of other making those of its modules."""
    module = pipeline_class.__module__
    return diffusers if module.startswith("diffusers.") else sys.modules.get(module.rpartition(".")[0])


def _names(own: str, marks: Collection[str]) -> Iterator[str]:
    stem = _TASKS.sub("", own)
    end = next((end for end in _ENDS if stem.endswith(end)), "")
    for mark in marks:
        yield stem.removesuffix(end) + mark + end


def fits(twin: Any, own: Any, more: Collection[str] = ()) -> bool:
    """Whether a pipeline of the class `own` has all the components that the twin is made of, `more` aside."""
    takes = inspect.signature(twin.__init__).parameters
    (expected, _), (components, _) = (kind._get_signature_keys(kind) for kind in (twin, own))
    there = {*components, *more}
    return all(name in there or takes[name].default is not inspect.Parameter.empty for name in expected)


def beside(pipeline: Any, twin: Any, **more: Any) -> Any:
    """A pipeline of the twin's class over the same components and settings, and `more` components: no weight is loaded
    or copied.

    Not by `from_pipe`, which converts the weights that both share to float32 where it is not told a number format.
    """
    expected, optional = twin._get_signature_keys(twin)
    parts = {name: part for name, part in pipeline.components.items() if name in expected}
    settings = {name: value for name, value in pipeline.config.items() if name in optional}
    made = twin(**parts, **settings, **more)
    made.set_progress_bar_config(disable=True)
    return made
