"""Commands for whoever runs a server."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by


def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Look for what is wrong on this machine, and say how to mend it."""
    from safelight.cli.doctor.report import examine

    raise typer.Exit(examine(said_by(home=home), as_json=as_json))


def top(
    url: Annotated[str | None, typer.Option("--url", help="The server. Default: the one on the state folder.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="An admin key. Default: the one that is kept.")] = None,
    every: Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show live how a server stands: queue, workers, models, pictures a minute, keys. q ends it."""
    from safelight.cli.serving.top import show
    from safelight.settings import read_settings

    show(read_settings(said_by(home=home)), url, key, every=every, once=once, as_json=as_json)


def adopt(home: Home = None) -> None:
    """Use a place for pictures that another database has marked. Deletes nothing."""
    import asyncio

    from safelight.bootstrap.use_cases.keeping import adopt as take_over
    from safelight.cli.administration.keys import who
    from safelight.settings import read_settings

    asyncio.run(take_over(read_settings(said_by(home=home)), who()))
    typer.echo("The place for pictures is this database's now. What is in it and belongs to no job is left alone.")


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    from safelight import __version__

    typer.echo(f'{{"version": "{__version__}"}}' if as_json else f"safelight {__version__}")


def config_show(home: Home = None, as_json: AsJson = False) -> None:
    """Print every setting, its value and its origin."""
    from safelight.cli.show import print_settings

    print_settings(said_by(home=home), as_json=as_json)
