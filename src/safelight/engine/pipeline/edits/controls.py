"""ControlNets beside a model: which pipelines follow their pictures, and how these take them."""

# Tested in tests/engine/test_controls.py.

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from safelight.engine.machine.weights.parts import Parts
from safelight.engine.pipeline.edits.picture_arguments import must_be_given
from safelight.engine.pipeline.edits.twins import IMAGE_TO_IMAGE, INPAINTING, beside, fits, twin_class

PART = "controlnet"
_KIND = re.compile(r"ControlNet(?:Union)?(?=\w*Model$)")
_SEVERAL = re.compile(r"\b\w*Multi\w*\b")
# What the class that is to hold several says where it has no way to call them (Qwen-Image's, in diffusers 0.42).
_ONE_ALONE = re.compile(r"only supports a single")
# diffusers calls the picture so, or `image` where there is no other (SD and SDXL from words alone).
_PICTURES = ("control_image", "image")
_SCALE = "controlnet_conditioning_scale"

Task = tuple[str, ...]
WORDS: Task = ("",)
TASKS: tuple[Task, ...] = (WORDS, IMAGE_TO_IMAGE, INPAINTING)


@dataclass(frozen=True)
class Follower:
    """The class of a pipeline that draws with a ControlNet: `picture` and `scale` are names of its arguments,
    `parameters` all of them with their defaults, `several` the class that holds more than one net; None where it takes
    but one."""

    pipeline: Any
    picture: str
    scale: str
    parameters: dict[str, Any]
    several: Any = None


@cache
def follower(own: Any, net: Any, task: Task) -> Follower | None:
    """The pipeline of that task over the components of the class `own` and a net of that class; None: there is none."""
    named = _KIND.search(net.__name__)
    if named is None:
        return None
    kind: Any = twin_class(own, [named[0] + mark for mark in task])
    if kind is None or not fits(kind, own, (PART,)) or PART not in inspect.signature(kind.__init__).parameters:
        return None
    takes = inspect.signature(kind.__call__).parameters
    held = str(inspect.signature(kind.__init__).parameters[PART].annotation)
    picture = next((name for name in _PICTURES[: 2 if task == WORDS else 1] if name in takes), None)
    if picture is None or _SCALE not in takes or not set(must_be_given(takes)) <= {"prompt"}:
        return None
    if not re.search(rf"\b{net.__name__}\b", held):
        return None
    several = _SEVERAL.search(held)
    defaults = {name: None if p.default is p.empty else p.default for name, p in takes.items()}
    there: Any = None if several is None else getattr(sys.modules[kind.__module__], several[0], None)
    if there is not None and _ONE_ALONE.search(inspect.getsource(there.forward)):
        there = None
    return Follower(kind, picture, _SCALE, defaults, there)


@dataclass(frozen=True)
class Controls:
    """A model's ControlNets by the names that requests have for them, in the order of these."""

    nets: Mapping[str, Any] = field(default_factory=dict)
    _made: dict[tuple[Any, tuple[str, ...]], Any] = field(default_factory=dict)

    @property
    def parts(self) -> Parts:
        """Beside the components of the model's pipelines, by names that none of these has."""
        return Parts({f"{PART} {name}": net for name, net in self.nets.items()})

    def follower(self, own: type, names: tuple[str, ...], task: Task) -> Follower | None:
        """The pipeline that follows these together; None: there is none."""
        kinds: set[Any] = {type(self.nets[name]) for name in names if name in self.nets}
        found = follower(own, kinds.pop(), task) if len(kinds) == 1 else None
        return found if found is not None and (len(names) == 1 or found.several is not None) else None

    def pipeline(self, pipeline: Any, found: Follower, names: tuple[str, ...]) -> Any:
        """A pipeline of that class with these nets, over the components of the model's own. It is made once: what is
        recorded of its calls holds for the next picture too."""
        key = found.pipeline, names
        if key not in self._made:
            nets = [self.nets[name] for name in names]
            net = nets[0] if len(nets) == 1 else found.several(nets).eval()
            self._made[key] = beside(pipeline, found.pipeline, **{PART: net})
        return self._made[key]


NO_CONTROLS = Controls()
