"""diffusers' modular pipelines as pipelines of the older kind: called with named arguments, made of named components.

A modular pipeline is a chain of blocks that says what it takes (`blocks.inputs`) and what can be done with it
(`available_workflows`). Its guidance is a component (`guider`) and no argument. What is made here of its class has
a signature that says all that, so that whoever reads signatures needs to know of one kind of pipeline only.
"""

# Tested in tests/engine/families/test_families.py.

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

from diffusers import ModularPipeline
from diffusers.modular_pipelines import ModularPipelineBlocks

from safelight.contract.errors import ModelLoadError
from safelight.engine.pipeline.signature import of_one_frame

_STEPS = "num_inference_steps"
_GIVEN = {"prompt", "image", "mask_image", _STEPS}
_PICTURES, _FRAMES = "images", "videos"
_GUIDER, _SCALE = "guider", "guidance_scale"


@cache
def as_pipeline_class(modular: Any) -> type:
    """A subclass of a modular pipeline's class with the constructor and the call of other pipelines. It keeps its name,
    and needs no component to say what it takes.

    Raises:
        ModelLoadError: it makes no pictures.
    """
    blocks = modular().blocks
    workflows = list(_workflows(blocks))
    takes = _signature(blocks, workflows)
    drawn = _drawn_as(modular.__name__, blocks, takes)
    by_guider = all(each.name != _SCALE for each in blocks.inputs)

    def construct(self: Any, **given: Any) -> None:
        modular.__init__(self)
        self.update_components(**{name: value for name, value in given.items() if value is not None})
        _leave_out_rewriters(self)
        for each in _loops(self._blocks):
            each.set_progress_bar_config(disable=True)

    def call(self: Any, **said: Any) -> tuple[Any]:
        scale = said.pop(_SCALE, None) if by_guider else None
        pipeline = self if scale is None or not hasattr(self, _GUIDER) else _guided(self, scale)
        return (modular.__call__(pipeline, output=drawn, **said),)

    call.__signature__ = takes  # type: ignore[attr-defined]
    # What only other workflows need, as a ControlNet, is no part of it.
    parts = {spec.name for each in workflows or [blocks] for spec in each.expected_components}
    settings = {spec.name for spec in blocks.expected_configs}
    body = {
        "__init__": construct,
        "__call__": call,
        "__module__": modular.__module__,
        "__qualname__": modular.__qualname__,
        "__doc__": modular.__doc__,
        "_get_signature_keys": staticmethod(lambda _: (parts, settings)),
        "_optional_components": sorted(parts),
    }
    return type(modular.__name__, (modular,), body)


def is_modular(pipeline_class: type) -> bool:
    return issubclass(pipeline_class, ModularPipeline)


def _leave_out_rewriters(pipeline: Any) -> None:
    """Without its components a block that rewrites what it was given, as a language model does a prompt, has nothing to
    do: the others take that as it is. FLUX.3 comes without its own, as diffusers says to do it."""
    blocks = pipeline._blocks.sub_blocks
    for name, block in list(blocks.items()):
        parts = [spec.name for spec in block.expected_components]
        is_there = not parts or any(getattr(pipeline, part, None) is not None for part in parts)
        if not is_there and {each.name for each in block.intermediate_outputs} <= {each.name for each in block.inputs}:
            blocks.pop(name)


def _guided(pipeline: Any, scale: float) -> Any:
    """The same pipeline with guidance of that scale: a copy, since the guider is everybody's."""
    duplicate = object.__new__(type(pipeline))
    duplicate.__dict__.update(vars(pipeline))
    duplicate.__dict__[_GUIDER] = pipeline.guider.new(guidance_scale=scale)
    return duplicate


def _drawn_as(name: str, blocks: Any, takes: inspect.Signature) -> str:
    """Under which name its pictures come out."""
    made = [output.name for output in blocks.outputs]
    if _PICTURES in made:
        return _PICTURES
    if _FRAMES not in made:
        raise ModelLoadError(f"{name} makes no pictures: what it gives is {', '.join(f'`{each}`' for each in made)}.")
    if takes.parameters and not of_one_frame(takes.parameters):
        raise ModelLoadError(f"{name} makes videos, and is not told of how many frames.")
    return _FRAMES


def _signature(blocks: Any, workflows: list[Any]) -> inspect.Signature:
    """Of what can be done with words and pictures alone; nothing that one block makes for another is asked for."""
    takes: dict[str, inspect.Parameter] = {}
    required = [{i.name for i in each.inputs if i.required} for each in workflows]
    always = set.intersection(*required) if required else set()
    for each in (i for workflow in workflows for i in workflow.inputs if i.name):
        default = inspect.Parameter.empty if each.name in always & _GIVEN - {_STEPS} else each.default
        parameter = inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=each.type_hint
        )
        if takes.get(each.name, parameter).default in (None, inspect.Parameter.empty) or each.name not in takes:
            takes[each.name] = parameter
    guider = next((spec for spec in blocks.expected_components if spec.name == _GUIDER), None)
    said = (guider.config or {}) if guider is not None else {}
    own = said.get(_SCALE) if said.get("enabled", True) else None  # of a guider that is off the scale is no matter
    if own is not None and _SCALE not in takes:
        takes[_SCALE] = inspect.Parameter(_SCALE, inspect.Parameter.KEYWORD_ONLY, default=own)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([itself, *takes.values()])


def _workflows(blocks: Any) -> Iterator[Any]:
    """The blocks of each workflow that needs no more than words, a picture, a mask and a number of steps; without
    workflows, the whole."""
    try:
        names = list(blocks.available_workflows)
    except NotImplementedError:
        yield blocks
        return
    for name in names:
        workflow = blocks.get_workflow(name)
        if {i.name for i in workflow.inputs if i.required} <= _GIVEN:
            yield workflow


def _loops(blocks: ModularPipelineBlocks) -> Iterator[Any]:
    for block in getattr(blocks, "sub_blocks", {}).values():
        if hasattr(block, "set_progress_bar_config"):
            yield block
        yield from _loops(block)
