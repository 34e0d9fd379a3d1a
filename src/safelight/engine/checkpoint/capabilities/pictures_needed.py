"""Whether a pipeline works from a picture, though its signature lets that be absent: read off its own source.

`image=None` is how diffusers writes parameters that may be absent, and ones that may not. What tells them apart is what
the pipeline does with it: one that can do without asks `image is not None` before it looks at it.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from functools import cache
from typing import Any

from safelight.engine.pipeline.edits.picture_arguments import LARGER

_PICTURE = re.compile(r"(^|_)(image|images|mask_image|mask|video)$")
_FOR_ADAPTERS = re.compile(r"ip_adapter|prompt|attention|embeds")
# What is called so changes a picture. Where none is given some of them run all the same, and draw nothing of use.
_EDITS = re.compile(r"Edit(?=[A-Z])")
# Nobody gives a pipeline a picture in this form here, so what it asks for is the picture.
_MADE_OF_PICTURES = re.compile(r"(?!.*prompt)(\w+_)?(embeds|latents)")
_LOOKS = ("preprocess", "resize", "get_default_height_width", "get_crop_region")  # of a pipeline's image processor
_DEEPEST = 4


@cache
def picture_needed(pipeline_class: Any) -> str | None:
    """The first parameter for a picture that a call cannot be without; None where words are enough."""
    takes = inspect.signature(pipeline_class.__call__).parameters
    pictures = [
        name
        for name, parameter in takes.items()
        if _PICTURE.search(name) and not _FOR_ADAPTERS.search(name) and parameter.default is None
    ]
    if _EDITS.search(pipeline_class.__name__) or LARGER.search(pipeline_class.__name__):
        return next(iter(pictures), None)
    return next((name for name in pictures if _uses_unasked(pipeline_class, "__call__", name, _DEEPEST)), None)


def _uses_unasked(kind: Any, method: str, name: str, depth: int) -> bool:
    """Whether a method looks at its argument `name` without asking first whether it is None."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(kind, method)))))
    except (AttributeError, OSError, SyntaxError, TypeError):
        return False
    function = tree.body[0]
    return isinstance(function, ast.FunctionDef) and _Reader(kind, name, depth).block(function.body)


class _Reader:
    """Follows one name that is None through a function, in order, as far as that is certain."""

    def __init__(self, kind: Any, name: str, depth: int) -> None:
        self._kind, self._name, self._depth = kind, name, depth
        self._known = True  # the name still stands for the caller's None

    def _is_name(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Name) and node.id == self._name

    def block(self, body: list[ast.stmt]) -> bool:
        return any(self._known and self._statement(statement) for statement in body)

    def _statement(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                return self._branches(test, body, orelse)
            case ast.With(items=items, body=body):
                return any(self._expression(item.context_expr) for item in items) or self.block(body)
            case ast.For(iter=over, body=body):
                return self._is_name(over) or self._expression(over) or self.block(body)
            case ast.Raise():
                return False  # reached under a test of something else
            case ast.Return(value=value):
                found = value is not None and self._expression(value)
                self._known = False  # nothing after it is reached
                return found
            case ast.Assign(targets=targets, value=value):
                found = self._expression(value)
                if any(self._is_name(each) for target in targets for each in ast.walk(target)):
                    self._known = self._is_name(value)
                return found
            case ast.FunctionDef():
                return False
            case _:
                return any(self._expression(child) for child in ast.iter_child_nodes(statement))

    def _branches(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> bool:
        said = self._none_says(test)
        if said is None:  # it depends on something else: certain is only what both do
            return self._expression(test) or self._both(body, orelse)
        if said and any(isinstance(statement, ast.Raise) for statement in body):
            return True
        return self.block(body if said else orelse)

    def _both(self, body: list[ast.stmt], orelse: list[ast.stmt]) -> bool:
        found, known = [], self._known
        for branch in (body, orelse):
            self._known = known
            impossible = bool(branch) and isinstance(branch[-1], ast.Raise | ast.Assert)
            found.append(impossible or self.block(branch))
        self._known = known
        return bool(orelse) and all(found)

    def _none_says(self, test: ast.expr) -> bool | None:
        """What a test comes to where the name is None; None where that alone does not decide."""
        match test:
            case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=None)]) if self._is_name(left):
                return isinstance(op, ast.Is)
            case ast.Name() if self._is_name(test):
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self._none_says(operand)
                return None if inner is None else not inner
            case ast.Call(func=ast.Name(id="isinstance"), args=[first, _]) if self._is_name(first):
                return False
            case ast.BoolOp(op=op, values=values):
                parts = [self._none_says(value) for value in values]
                if any(part is not None for part in parts):
                    others = [_says_without_picture(value) for value in values]
                    parts = [part if part is not None else other for part, other in zip(parts, others, strict=True)]
                decides = not isinstance(op, ast.And)
                if decides in parts:
                    return decides
                return None if None in parts else not decides
        return None

    def _expression(self, node: ast.AST) -> bool:
        match node:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                said = self._none_says(test)
                return self._expression(test) if said is None else self._expression(body if said else orelse)
            case ast.BoolOp(values=[first, *_]) if self._none_says(node) is not None:
                return self._expression(first)
            case ast.Attribute(value=value) | ast.Subscript(value=value) if self._is_name(value):
                return True
            case ast.comprehension(iter=over) if self._is_name(over):
                return True
            case ast.Call():
                return self._call(node) or any(self._expression(child) for child in ast.iter_child_nodes(node))
            case ast.Lambda():
                return False
        return any(self._expression(child) for child in ast.iter_child_nodes(node))

    def _call(self, node: ast.Call) -> bool:
        """A call that is given the name: a component's `preprocess`, `len`, another method of the pipeline."""
        given = [position for position, value in enumerate(node.args) if self._is_name(value)]
        named = [keyword.arg for keyword in node.keywords if self._is_name(keyword.value) and keyword.arg]
        if not given and not named:
            return False
        match node.func:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self")), attr=attribute):
                return attribute.startswith(_LOOKS)
            case ast.Attribute(value=ast.Name(id="self"), attr=method) if self._depth:
                return self._method(method, given, named)
            case ast.Name(id="len" | "enumerate" | "list" | "zip"):
                return bool(given)
        return False

    def _method(self, method: str, given: list[int], named: list[str]) -> bool:
        try:
            takes = [name for name in inspect.signature(getattr(self._kind, method)).parameters if name != "self"]
        except (AttributeError, TypeError, ValueError):
            return False
        names = [*(takes[position] for position in given if position < len(takes)), *named]
        return any(_uses_unasked(self._kind, method, name, self._depth - 1) for name in names)


def _says_without_picture(test: ast.expr) -> bool | None:
    """What a test of whether there is a picture in another form comes to; None if it is about something else."""
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=None)]):
            return isinstance(op, ast.Is) if _MADE_OF_PICTURES.fullmatch(name) else None
    return None
