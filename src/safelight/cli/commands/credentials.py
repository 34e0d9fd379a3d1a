"""Commands about the signatures of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by

_File = typer.Argument(metavar="FILE", help="A PNG, JPEG or WebP file.", exists=True, dir_okay=False)


def c2pa_new(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where certificate.pem, key.pem and authority.pem are written.")
    ] = Path("c2pa"),
    name: Annotated[str, typer.Option("--name", help="The organization that signs.")] = "Safelight",
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it holds.")] = 365,
) -> None:
    """Make a certificate to try signing with. Nobody but you trusts it."""
    from safelight.cli.administration.credentials import new

    new(folder, name, days)


def c2pa_check(
    file: Annotated[Path, _File],
    bare: Annotated[
        Path | None, typer.Option("--unsigned", help="Also write the file without its signature there.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say what a picture's file says of its origin."""
    from safelight.cli.administration.credentials import check
    from safelight.settings import read_settings

    raise typer.Exit(check(read_settings(said_by(home=home)), file, bare, as_json=as_json))
