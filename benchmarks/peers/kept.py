"""Figures of rows in a file, written after each: a command that was cut goes on with the rows that are left."""

from __future__ import annotations

import json
from pathlib import Path

Figures = dict[str, float]


class Kept:
    """Figures by picture (`sd15 256 cpu`) and row. Without a file they are kept in memory alone."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._found: dict[str, dict[str, Figures]] = {}
        if file is not None and file.exists():
            self._found = json.loads(file.read_text())

    def of(self, picture: str) -> dict[str, Figures]:
        """What is there of a picture, by row."""
        return dict(self._found.get(picture, {}))

    def add(self, picture: str, row: str, figures: Figures) -> None:
        """Keep a row. The file is whole at every moment."""
        self._found.setdefault(picture, {})[row] = figures
        if self._file is not None:
            begun = self._file.with_name(f"{self._file.name}.part")
            begun.write_text(json.dumps(self._found, indent=1))
            begun.replace(self._file)
