"""Commands about keys."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by


def keys_create(
    name: Annotated[str, typer.Option("--name", help="Who owns the key, for the list.")] = "",
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model that it may use; repeat for more. Default: all.")
    ] = None,
    weight: Annotated[
        float, typer.Option("--weight", help="Its share of the device beside other keys: 2 is twice as much as 1.")
    ] = 1.0,
    save: Annotated[
        bool, typer.Option("--save", help="Also keep it in the state folder, for `safelight env`.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is not shown again."""
    from safelight.cli.keys import create
    from safelight.settings import read_settings

    settings = read_settings(said_by(home=home))
    create(settings, name=name, models=tuple(model or ()), weight=weight, save=save, as_json=as_json)


def keys_list(home: Home = None, as_json: AsJson = False) -> None:
    """Show all keys, without their text."""
    from safelight.cli.keys import list_keys
    from safelight.settings import read_settings

    list_keys(read_settings(said_by(home=home)), as_json=as_json)


def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `safelight keys list` shows.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a key at once. It cannot be brought back."""
    from safelight.cli.keys import revoke
    from safelight.settings import read_settings

    revoke(read_settings(said_by(home=home)), key_id, as_json=as_json)
