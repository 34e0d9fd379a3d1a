"""The parameters of a picture as options of a command: drawn from their declarations each time a command is built."""

# Tested in tests/test_one_declaration.py.

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Annotated, Any

import typer

from safelight.contract.parameters.declaration import Declaration
from safelight.contract.parameters.declared import declared

_PLACE = "asked"


class WithParameters:
    """A command's function that is given, as `asked`, what was said of the declared parameters, by their names.

    Their options stand in the command's help where `asked` stands among the function's arguments.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        update_wrapper(self, function)
        self._function = function

    @property
    def __signature__(self) -> inspect.Signature:
        own = inspect.signature(self._function, eval_str=True)
        options = [_option(declaration) for declaration in _on_command_line()]
        before = [p for p in own.parameters.values() if p.name != _PLACE]
        at = list(own.parameters).index(_PLACE)
        return own.replace(parameters=[*before[:at], *options, *before[at:]])

    def __call__(self, **said: Any) -> None:
        asked = {d.name: _meant(d, value) for d in _on_command_line() if (value := said.pop(d.name)) not in (None, [])}
        self._function(**said, asked=asked)


def _meant(declaration: Declaration, value: Any) -> Any:
    """What was said, as a request has it: an object, say, is written as text."""
    return declaration.parameter.kind.from_text(value) if isinstance(value, str) else value


def _on_command_line() -> Iterator[Declaration]:
    return (declaration for declaration in declared() if declaration.help is not None)


def _option(declaration: Declaration) -> inspect.Parameter:
    option = typer.Option(f"--{declaration.name.replace('_', '-')}", help=declaration.help)
    kind = declaration.parameter.kind.typed | None
    return inspect.Parameter(
        declaration.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )
