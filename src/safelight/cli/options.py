"""Options that several commands have, and what of them the settings are told."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[Path | None, typer.Option("--home", help="The state folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.", show_default=False)]
Workers = Annotated[int | None, typer.Option("--workers", help="How many worker processes.", show_default=False)]
Threads = Annotated[
    int | None, typer.Option("--threads", help="How many threads each worker computes with.", show_default=False)
]
Device = Annotated[
    str | None, typer.Option("--device", help="Where to compute: auto, cpu, cuda, cuda:1, mps.", show_default=False)
]
EngineKind = Annotated[
    str | None,
    typer.Option(
        "--engine", help="What draws: local (models), ray (hosts of a cluster) or fake (stripes).", show_default=False
    ),
]
LogFormat = Annotated[
    str | None, typer.Option("--log-format", help="How the log is written: auto, pretty or json.", show_default=False)
]
LogLevel = Annotated[
    str | None,
    typer.Option(
        "--log-level", help="The lowest level that is logged: debug, info, warning or error.", show_default=False
    ),
]


def said(**options: object) -> dict[str, object]:
    """The options that were given: what the settings take from the command line."""
    return {name: value for name, value in options.items() if value is not None}
