"""How commands print: results on standard output, everything else on standard error."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

# A table that is piped somewhere is not cut to the 80 columns that rich assumes there.
_PIPED_COLUMNS = 200
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


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


def bytes_in_words(size: int) -> str:
    """A size in units of 10^9, 10^6 or 10^3 bytes."""
    (words,) = bytes_in_one_unit([size])
    return words


def bytes_in_one_unit(sizes: Sequence[int | None]) -> list[str]:
    """The sizes of a table, all in the unit of the largest, so that they can be compared. None becomes a dash."""
    largest = max((size for size in sizes if size is not None), default=0)
    unit, name = next(((unit, name) for unit, name in _UNITS if largest >= unit), _UNITS[-1])
    return ["-" if size is None else _rounded(size / unit, name) for size in sizes]


def _rounded(amount: float, unit: str) -> str:
    return f"< 0.1 {unit}" if 0 < amount < 0.05 else f"{amount:.1f} {unit}"


def seconds_in_words(seconds: float) -> str:
    """A duration as people say it: in seconds below two minutes, then in minutes, then in hours."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
