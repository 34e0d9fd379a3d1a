"""How commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

# A table that is piped somewhere is not cut to the 80 columns that rich assumes there.
_PIPED_COLUMNS = 200


def print_json(value: object) -> None:
    """`value` as indented JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output; nothing in it is taken for markup."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else _PIPED_COLUMNS
    Console(markup=False, highlight=False, emoji=False, width=width).print(table)


def note(text: str) -> None:
    """A remark for the person, beside the result."""
    print(text, file=sys.stderr)


def errors_console() -> Console:
    """For progress bars, which belong on standard error."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)
