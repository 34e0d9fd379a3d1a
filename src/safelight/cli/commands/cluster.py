"""Commands about a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.cli.options import Home
from safelight.cli.options import said as said_by


def deploy(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the Serve config instead, as `serve deploy` takes it.")
    ] = False,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait until all hosts run.")] = 900.0,
    home: Home = None,
) -> None:
    """Send the hosts of the settings to the Ray cluster at RAY_ADDRESS."""
    from safelight.cli.serving.deploy import deploy as send
    from safelight.settings import read_settings

    send(read_settings(said_by(home=home)), dry_run=dry_run, wait_seconds=wait)
