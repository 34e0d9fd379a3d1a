"""Commands about models."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by


def models(home: Home = None, as_json: AsJson = False) -> None:
    """Show the models on offer and what each supports."""
    from safelight.cli.show import print_models
    from safelight.settings import read_settings

    print_models(read_settings(said_by(home=home)), as_json=as_json)


def loras(home: Home = None, as_json: AsJson = False) -> None:
    """Show the LoRAs that requests may name."""
    from safelight.cli.checkpoints.loras import print_loras
    from safelight.settings import read_settings

    print_loras(read_settings(said_by(home=home)), as_json=as_json)


def pull(
    name: Annotated[
        str, typer.Argument(metavar="ORG/NAME", help="A name on the hub; ORG/NAME@REVISION names one revision.")
    ],
    variant: Annotated[str | None, typer.Option("--variant", help="Which variant of the weights, like fp16.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a model from the hub. A second try continues a download that was cut."""
    from safelight.cli.checkpoints.models import pull
    from safelight.settings import read_settings

    pull(read_settings(said_by(home=home)), name, variant=variant, as_json=as_json)


def list_command(home: Home = None, as_json: AsJson = False) -> None:
    """Show the models on this machine."""
    from safelight.cli.checkpoints.models import list_pulled
    from safelight.settings import read_settings

    list_pulled(read_settings(said_by(home=home)), as_json=as_json)


def show(
    model: Annotated[str, typer.Argument(help="An id on offer, org/name, a folder or a file.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what a model is, its defaults and the memory it takes."""
    from safelight.cli.checkpoints.models import show
    from safelight.settings import read_settings

    show(read_settings(said_by(home=home)), model, as_json=as_json)


def remove_command(
    name: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The name that `safelight list` shows.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Delete a pulled model."""
    from safelight.cli.checkpoints.models import remove
    from safelight.settings import read_settings

    remove(read_settings(said_by(home=home)), name, as_json=as_json)


def running_command(home: Home = None, as_json: AsJson = False) -> None:
    """Show models and workers of the server that runs here."""
    from safelight.cli.serving.served_models import running
    from safelight.settings import read_settings

    running(read_settings(said_by(home=home)), as_json=as_json)
