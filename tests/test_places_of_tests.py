"""Every module that holds logic has a test file of its name, or says where it is tested, or its room does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "safelight"
_SAID = re.compile(r"^# Tested in (tests/[\w/]+\.py)\.$", re.M)


def modules() -> list[Path]:
    """Every module that holds logic: a function that does something."""
    found = (path for path in SOURCES.rglob("*.py") if path.name != "__init__.py" and "migrations" not in path.parts)
    return sorted(path for path in found if any(_bodies(path)))


def _bodies(path: Path) -> Iterator[ast.stmt]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (
                part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            )


def has_its_name(path: Path) -> bool:
    """Whether the tests of its floor, or those above all floors, have a file of its name."""
    floor = path.relative_to(SOURCES).parts[0]
    named = f"test_{path.stem}.py"
    return (ROOT / "tests" / named).exists() or any((ROOT / "tests" / floor).rglob(named))


def places(path: Path) -> list[str]:
    """Where a module, or a room that it is in, says that it is tested."""
    rooms = [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(SOURCES)]
    return [place for file in (path, *rooms) if file.exists() for place in _SAID.findall(file.read_text())]


def test_a_module_has_a_test_of_its_name_or_says_where_it_is_tested() -> None:
    missing = [str(path.relative_to(SOURCES)) for path in modules() if not (has_its_name(path) or places(path))]
    assert missing == [], (
        "Write tests for each in a file test_<its name>.py, or say `# Tested in tests/….py.` below its docstring."
    )


def test_the_places_that_modules_name_are_there() -> None:
    named = {place for path in modules() for place in places(path)}
    assert len(named) > 100
    assert [place for place in named if not (ROOT / place).is_file()] == []
