"""Every command that there is, so that none is left out of what is tried with all."""

from __future__ import annotations

import typer


def names_of(app: typer.Typer) -> set[str]:
    """The names of all commands, those of groups with the group's before them."""
    named = {_name(command) for command in app.registered_commands}
    for group in app.registered_groups:
        assert group.typer_instance is not None
        named |= {f"{group.name} {name}" for name in names_of(group.typer_instance)}
    return named


def _name(command: typer.models.CommandInfo) -> str:
    assert command.callback is not None
    return command.name or command.callback.__name__.replace("_", "-")
