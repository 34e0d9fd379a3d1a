"""Writes the site's reference: settings, routes, commands and metrics, each drawn from what the code declares.

`docs/conf.py` calls `write`. The pages that people wrote (docs/settings.md and the like) say more; tests hold those
to the code. These leave nothing out by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.main import get_command

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.api.app import ROUTES
from safelight.cli.app import app
from safelight.settings import ModelSettings, OptionSettings, Settings
from safelight.settings.sources import PREFIX

Row = tuple[str, ...]


def write(folder: Path) -> None:
    """Write the pages into that folder, made where needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / f"{name}.md").write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """Each page by its name."""
    return {"settings": _settings(), "routes": _routes(), "commands": _commands(), "metrics": _metrics()}


def _settings() -> str:
    tables = (("Settings", Settings), ("A model", ModelSettings), ("A model's options", OptionSettings))
    return "# All settings\n\nWhat they are for stands in [Settings](../settings.md).\n" + "".join(
        f"\n## {title}\n\n{_table(('setting', 'default', 'what it means'), _fields(table))}" for title, table in tables
    )


def _fields(table: type[BaseModel]) -> Iterator[Row]:
    for name, declared in table.model_fields.items():
        default = "" if declared.is_required() or declared.default_factory else f"`{declared.default!r}`"
        variable = f"<br>`{PREFIX}{name.upper()}`" if table is Settings else ""
        yield f"`{name}`{variable}", default, declared.description or ""


def _routes() -> str:
    rows = (
        (f"`{route.method}`", f"`{route.path}`", "yes" if route.operation.key else "no", route.operation.summary)
        for route in ROUTES
        if route.operation is not None
    )
    head = "# All routes\n\n[The API](../api.md) explains them; a server shows it whole at `/openapi.json`.\n\n"
    return head + _table(("method", "path", "key", "what it does"), rows)


def _commands() -> str:
    head = "# All commands\n\nExamples stand in [Commands](../commands.md).\n"
    return head + "".join(_command(name, command) for name, command in _all(get_command(app), "safelight"))


def _all(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for part, inner in getattr(command, "commands", {}).items():
        yield from _all(inner, f"{name} {part}")
    if not hasattr(command, "commands"):
        yield name, command


def _command(name: str, command: Any) -> str:
    options = [p for p in command.params if p.opts[0].startswith("-") and "--help" not in p.opts]
    rows = [(" ".join(f"`{o}`" for o in option.opts), option.help or "") for option in options]
    table = _table(("option", "what it does"), rows) if rows else ""
    return f"\n## {name}\n\n{(command.help or '').strip()}\n\n{table}"


def _metrics() -> str:
    rows = ((f"`{f.name}`", f.type, f.documentation) for f in PrometheusTelemetry().registry.collect())
    head = "# All metrics\n\nOf `GET /metrics`. Counters end in `_total` there. [Alerts](../alerts.md) use them.\n\n"
    return head + _table(("metric", "kind", "what it counts"), rows)


def _table(columns: Row, rows: Iterable[Row]) -> str:
    lines = (columns, ("---",) * len(columns), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
