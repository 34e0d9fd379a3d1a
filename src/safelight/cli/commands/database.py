"""Commands about the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cli.options import AsJson, Home
from safelight.cli.options import said as said_by

if TYPE_CHECKING:
    from safelight.settings import Settings

Backup = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def db_status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what the database is, its revision, and what it holds."""
    from safelight.cli.administration.database import print_status

    print_status(_settings(home), as_json=as_json)


def db_upgrade(home: Home = None, as_json: AsJson = False) -> None:
    """Bring the database to this version's shape, as the next start would."""
    from safelight.cli.administration.database import print_upgrade

    print_upgrade(_settings(home), as_json=as_json)


def db_backup(file: Backup, home: Home = None, as_json: AsJson = False) -> None:
    """Write the whole database into a new file, also while servers run."""
    from safelight.cli.administration.database import print_backup

    print_backup(_settings(home), file, as_json=as_json)


def db_restore(file: Backup, home: Home = None, as_json: AsJson = False) -> None:
    """Fill an empty database from a backup, of whichever kind of database it was made."""
    from safelight.cli.administration.database import print_restore

    print_restore(_settings(home), file, as_json=as_json)


def move(
    to: Annotated[str, typer.Option("--to", metavar="DATABASE", help="postgresql://user@host/name, or sqlite.")],
    files: Annotated[
        str | None, typer.Option("--files", help="Copy the pictures to this place too.", show_default=False)
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take keys, jobs and the ledger over to another database. The old one stays as it is."""
    from safelight.cli.administration.database import print_move

    print_move(_settings(home), to, files, as_json=as_json)


def _settings(home: Path | None) -> Settings:
    from safelight.settings import read_settings

    return read_settings(said_by(home=home))
