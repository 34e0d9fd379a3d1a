"""How roomy the house is: the figures that ARCHITECTURE.md's plan is held to, as a table or, with --json, as JSON.

    python scripts/measure_house.py

Files and classes are read, not imported. What one request executes is counted in a process that serves it with the fake
engine: functions of the package that ran between the request's first byte and its answer, for every one of several
requests, so that what goes on beside them (disks that are watched, jobs that are forgotten) is no part of it. Their
files are counted with all lines, whatever else stands in them, and the functions by themselves.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "safelight"
TESTS = ROOT / "tests"
_FIELDS_OF = ("ImageRequest", "Job", "JobRecord", "Order", "Recipe", "FileSpec", "Share")
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_TESTED_IN = re.compile(r"^# Tested in tests/", re.M)
# Rooms that may have more files than a dozen, and why.
LISTS = {
    "adapters/sql/migrations/versions": "a history: what was released is neither moved nor taken out",
    "postcard/render/styles": "a registry: who adds a style adds a file of its name, and no other",
}
ROOM_FILES = 12
_LONG_FILE = 300
LONG_FUNCTION = 30

Row = tuple[str, Any]


def rows() -> Iterator[Row]:
    """Name and figure, in the order of the plan's table."""
    yield "flat files in engine", _flat(PACKAGE / "engine")
    yield "flat files in postcard/render", _flat(PACKAGE / "postcard" / "render")
    rooms = sorted(rooms_of(PACKAGE).items(), key=lambda room: -room[1])
    yield "files in the largest room", rooms[0][1]
    yield "largest rooms", ", ".join(f"{name} {files}" for name, files in rooms[:5])
    yield f"rooms over {ROOM_FILES} files that are no lists", len(crowded(PACKAGE))
    yield "Python files that name guidance_scale", _naming("guidance_scale")
    files, lines, functions = _on_a_requests_way()
    yield "files that one request executes (fake engine)", files
    yield "their lines", lines
    yield "lines of the functions that ran", functions
    yield "circles among siblings", len(_circles())
    classes = sorted(_classes(), key=lambda found: -found[1])
    yield "longest classes", ", ".join(f"{name} {length}" for name, length, _ in classes[:5])
    long = sorted(long_functions(PACKAGE), reverse=True)
    yield f"functions over {LONG_FUNCTION} lines", len(long)
    yield "longest of them", ", ".join(f"{name} {length}" for length, name in long[:12])
    yield "fields", ", ".join(f"{name} {fields}" for name, _, fields in classes if name in _FIELDS_OF)
    yield f"files over {_LONG_FILE} lines", len([path for path in _sources() if _length(path) > _LONG_FILE])
    yield "longest files", ", ".join(f"{path.name} {_length(path)}" for path in sorted(_sources(), key=_length)[:-4:-1])
    yield "modules with logic whose test is not named", len(_untested())


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _length(path: Path) -> int:
    return len(path.read_text().splitlines())


def _flat(folder: Path) -> int:
    return len([path for path in folder.glob("*.py") if path.name != "__init__.py"])


def rooms_of(package: Path) -> dict[str, int]:
    """Python files in each folder of a package, `__init__.py` among them; but not the history of migrations."""
    found = Counter(path.parent.relative_to(package).as_posix() for path in package.rglob("*.py"))
    return {room: files for room, files in found.items() if not room.endswith("migrations/versions")}


def crowded(package: Path) -> dict[str, int]:
    """Rooms with more files than a dozen that are no lists."""
    return {room: files for room, files in rooms_of(package).items() if files > ROOM_FILES and room not in LISTS}


def _naming(word: str) -> int:
    return len([path for path in _sources() if re.search(rf"\b{word}\b", path.read_text())])


def _classes() -> Iterator[tuple[str, int, int]]:
    """Name, lines and annotated fields of every class."""
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                fields = sum(isinstance(item, ast.AnnAssign) for item in node.body)
                yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1, fields


def long_functions(package: Path) -> Iterator[tuple[int, str]]:
    """Length and place of every function that is too long to be seen at once."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, _FUNCTIONS):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONG_FUNCTION:
                    yield length, f"{path.stem}.{node.name}"


def _untested() -> list[Path]:
    """Modules that hold a function, with neither a test file of their name nor a line that says where they are tested,
    which their room may say for them."""
    tested = {path.name.removeprefix("test_") for path in TESTS.rglob("test_*.py")}
    return [path for path in _sources() if path.name not in tested and _has_logic(path) and not _says_its_test(path)]


def _has_logic(path: Path) -> bool:
    """A function that does something, be it to return what it was given."""
    if path.name == "__init__.py" or "migrations" in path.parts:
        return False
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, _FUNCTIONS))
    return any(
        not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)) for f in functions for part in f.body
    )


def _says_its_test(path: Path) -> bool:
    rooms = (folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PACKAGE))
    return any(_TESTED_IN.search(file.read_text()) for file in (path, *rooms) if file.exists())


def _circles() -> list[set[str]]:
    """Groups of siblings, on every floor and in every room, that import each other in a circle."""
    graph, circles, packages = grimp.build_graph("safelight"), [], ["safelight"]
    while packages:
        siblings = sorted(graph.find_children(packages.pop()))
        packages += siblings
        beyond = {one: _imported(graph, one, siblings) for one in siblings}
        reached = {one: _reached(one, beyond) for one in siblings}
        for one in siblings:
            circle = {other for other in reached[one] if one in reached[other]}
            if one in reached[one] and circle not in circles:
                circles.append(circle)
    return circles


def _imported(graph: grimp.ImportGraph, one: str, siblings: list[str]) -> set[str]:
    return {
        other
        for other in siblings
        if other != one and graph.direct_import_exists(importer=one, imported=other, as_packages=True)
    }


def _reached(start: str, beyond: dict[str, set[str]]) -> set[str]:
    reached, ahead = set[str](), list(beyond[start])
    while ahead:
        one = ahead.pop()
        if one not in reached:
            reached.add(one)
            ahead += beyond[one]
    return reached


# Serves requests with the fake engine in a process of its own, and prints which functions ran during every one of them.
_SERVE = """
import json, os, signal, sys, tempfile, threading, urllib.request
from pathlib import Path
seen, ran, looking = set(), [], threading.Event()
def look(frame, event, argument):
    if event == "call" and looking.is_set():
        seen.add(frame.f_code)
def ask():
    home = Path(os.environ["SAFELIGHT_HOME"])
    while not (home / "server").exists():
        threading.Event().wait(0.05)
    url = (home / "server").read_text()
    url = url[url.index("http"):].split('"')[0].split()[0]
    for seed in range(1, 14):
        body = json.dumps({"model": "stable-image-ultra", "prompt": "a boat", "seed": seed}).encode()
        request = urllib.request.Request(url + "/v1/images/generations", body, {"authorization": "Bearer sl-measured"})
        threading.Event().wait(0.5)  # the one before is in the ledger by then
        seen.clear()
        if seed > 1:  # the first imports
            looking.set()
        urllib.request.urlopen(request).read()
        looking.clear()
        if seed > 1:
            ran.append(set(seen))
    os.kill(os.getpid(), signal.SIGTERM)
with tempfile.TemporaryDirectory() as home:
    os.environ |= {"SAFELIGHT_HOME": home, "SAFELIGHT_API_KEY": "sl-measured", "SAFELIGHT_LOG_LEVEL": "error"}
    from safelight.bootstrap.serve import serve
    from safelight.settings import read_settings
    threading.Thread(target=ask, daemon=True).start()
    threading.setprofile(look)
    sys.setprofile(look)
    serve(read_settings({"engine": "fake", "port": 0}))
    sys.setprofile(None)
def span(code):
    return code.co_firstlineno, max(line for _, _, line in code.co_lines() if line)
print(json.dumps([(code.co_filename, *span(code)) for code in set.intersection(*ran)]))
"""


def _on_a_requests_way() -> tuple[int, int, int]:
    """Files, their lines, and the lines of the functions that ran."""
    ran = subprocess.run([sys.executable, "-P", "-c", _SERVE], capture_output=True, text=True, check=True, timeout=300)
    found = [(Path(name), range(first, last + 1)) for name, first, last in json.loads(ran.stdout.splitlines()[-1])]
    lines = {(path, line) for path, span in found if path.is_relative_to(PACKAGE) for line in span}
    files = {path for path, _ in lines}
    return len(files), sum(map(_length, files)), len(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json: bool = parser.parse_args().json
    found = dict(rows())
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, figure in found.items():
        print(f"{name:48} {figure}")


if __name__ == "__main__":
    main()
