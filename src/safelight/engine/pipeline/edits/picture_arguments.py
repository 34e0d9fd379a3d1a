"""How a pipeline takes pictures, read off its signature and its own source: under which names, how many, and scaled by
whom."""

# Tested in tests/engine/test_pictures_needed.py.

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

MOST = 16
"""Pictures that a request may have (OpenAI's bound)."""
# Postcard's pipeline takes what its own drawings say of themselves.
_SCENE = "scene"
_PICTURES = ("image", "images", "input_images", _SCENE)
_MASKS = ("mask_image", "mask")
_REFERENCES = "image_reference"
# What makes of a pipeline one for something else than a still picture of the size that is asked for.
# With `prompt_latents` it draws prompts too, and of both it reads the one that is given: with words no picture.
_ELSEWHERE = re.compile(r"control|adapter_conditioning|^num_frames$|^layers$|^original_image$|video|^prompt_latents$")
_SEVERAL = ("num_frames", "layers")  # how many pictures a drawing is made of
LARGER = re.compile(r"Upscale|SuperResolution")
"""What makes a picture larger is called so in diffusers."""
_BOUND = re.compile(r"self\.max_num_images = (\d+)")
_LIST_OF_PICTURES = re.compile(r"\blist\[(PIL\.Image\.Image|list\[)", re.I)


@dataclass(frozen=True)
class PictureArguments:
    """`pictures`, `mask` and `references` are names of arguments; `references` takes another one beside that which is
    drawn over. `most` is how many `pictures` takes for one drawing; where it is 1, a list of them is a batch. `sized`:
    it is told a size; else it draws at the picture's. `fitted`: the picture must have the drawing's size. `scene`: it
    takes the picture's scene, and none of its pixels.
    """

    pictures: str
    mask: str | None = None
    references: str | None = None
    strength: bool = False
    most: int = 1
    sized: bool = True
    fitted: bool = False
    scene: bool = False

    @property
    def most_with_mask(self) -> int:
        """How many pictures a drawing with a mask may have."""
        return 2 if self.references else 1


@cache
def picture_arguments(pipeline_class: Any) -> PictureArguments | None:
    """None: it takes no picture beside words, or draws something else than a picture of the size that is asked for."""
    takes = inspect.signature(pipeline_class.__call__).parameters
    name = next((name for name in _PICTURES if name in takes), None)
    if name is None or "prompt" not in takes or any(map(_ELSEWHERE.search, takes)):
        return None
    if LARGER.search(pipeline_class.__name__):
        return None
    body = _Body.of(pipeline_class.__call__)
    several = "strength" not in takes and (_lists_pictures(takes[name].annotation) or body.goes_through(name))
    strength, sized = "strength" in takes, {"width", "height"} <= set(takes)
    return PictureArguments(
        pictures=name,
        mask=next((mask for mask in _MASKS if mask in takes), None),
        references=_REFERENCES if _REFERENCES in takes else None,
        strength=strength,
        most=_bound(pipeline_class) if several else 1,
        sized=sized,
        fitted=strength or not sized or body.scales_to_drawing(name),
        scene=name == _SCENE,
    )


def several_drawn(takes: Mapping[str, Any]) -> str | None:
    """The argument that says of how many pictures a drawing is made, where it is made of several."""
    return next((name for name in _SEVERAL if name in takes), None)


def _bound(pipeline_class: Any) -> int:
    """How many pictures a pipeline says that it takes, at most as many as a request may have."""
    said = _BOUND.search(inspect.getsource(pipeline_class.__init__))
    return MOST if said is None else min(MOST, int(said[1]))


def must_be_given(takes: Mapping[str, inspect.Parameter]) -> list[str]:
    """Arguments without a default."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in takes.items()
        if parameter.default is parameter.empty and parameter.kind not in variable and name != "self"
    ]


def _lists_pictures(annotation: Any) -> bool:
    """Whether it says pictures or lists of them and nothing else: diffusers' `PipelineImageInput`, which is a batch,
    has arrays and tensors too. A list of lists is a batch of several."""
    said = str(annotation).replace("typing.", "")
    arrays = re.search(r"ndarray|Tensor", said)
    return bool(_LIST_OF_PICTURES.search(said)) and (not arrays or "list[list[" in said or said.count("list[PIL") > 1)


class _Body:
    """The statements of a pipeline's `__call__`."""

    def __init__(self, tree: ast.AST | None) -> None:
        self._nodes = list(ast.walk(tree)) if tree is not None else []

    @classmethod
    def of(cls, function: Any) -> _Body:
        try:
            return cls(ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))))
        except (OSError, SyntaxError, TypeError):
            return cls(None)

    def goes_through(self, name: str) -> bool:
        """Whether it takes one after the other out of that argument, or out of what was made of it at once."""
        names = {name, *self._made_of(name)}
        return any(_is_one_of(_gone_through(node), names) for node in self._nodes)

    def _made_of(self, name: str) -> Iterator[str]:
        """Names that stand for the argument itself, or for what one call made of it."""
        for node in self._nodes:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = node.value
                given = value.args if isinstance(value, ast.Call) else [value, *_alternatives(value)]
                if any(_is_one_of(each, {name}) for each in given):
                    yield node.targets[0].id

    def scales_to_drawing(self, name: str) -> bool:
        """Whether it has the picture scaled to the `height` and `width` that it is called with, whatever its shape."""
        for node in self._nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                names = {each.id for each in given if isinstance(each, ast.Name)}
                if node.func.attr.startswith("preprocess") and {name, "height", "width"} <= names:
                    return True
        return False


def _gone_through(node: ast.AST) -> ast.AST | None:
    over = node.iter if isinstance(node, ast.For | ast.comprehension) else None
    if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "enumerate":
        return over.args[0]
    return over


def _alternatives(value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(value, ast.IfExp):
        for branch in (value.body, value.orelse):
            yield branch
            yield from _alternatives(branch)


def _is_one_of(node: ast.AST | None, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names
