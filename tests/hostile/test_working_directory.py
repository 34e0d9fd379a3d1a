"""A working directory full of Python files that are called like modules of libraries: none of them ever runs."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from safelight.cli.app import app
from tests.cli.conftest import CommandLine
from tests.clients.process import serving
from tests.e2e.drawing import Order, draw
from tests.forking.starting import anew, imported_in
from tests.hostile.commands import names_of

COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("org/name",),
    "generate": ("a boat", "-o", "boat.png"),
    "env": (),
    "link": (),
    "models": (),
    "loras": (),
    "pull": ("org/name",),
    "list": (),
    "show": ("postcard",),
    "rm": ("org/name",),
    "ps": (),
    "deploy": ("--dry-run",),
    "doctor": (),
    "version": (),
    "config show": (),
    "keys create": ("--save",),
    "adopt": (),
    "db status": (),
    "db upgrade": (),
    "db backup": ("backup.db",),
    "db restore": ("backup.db",),
    "move": ("--to", "sqlite"),
    "keys list": (),
    "c2pa new": (),
    "c2pa check": ("boat.png",),
    "keys revoke": ("key-0",),
    "keys change": ("key-0", "--weight", "2"),
    "keys group": ("team", "--quota", "pictures_per_day=5"),
    "usage": ("--csv",),
    "top": ("--once",),
    "audit": (),
}
ROOT = Path(__file__).parents[2]
SCRIPT = (str(Path(sys.executable).with_name("safelight")),)


@pytest.fixture(autouse=True)
def _nothing_is_imported_before(request: pytest.FixtureRequest) -> Iterator[None]:
    """What runs here is a program from its first line, unless a test says how much was imported where."""
    with contextlib.nullcontext() if "imported_among_traps" in request.fixturenames else anew():
        yield


@pytest.fixture(scope="module")
def modules() -> list[str]:
    """Every module that there is here: whichever the program or a library imports, now or later, is among them.

    To find them takes seconds, since each package's list of files is read.
    """
    found = sys.stdlib_module_names | set(importlib.metadata.packages_distributions())
    return sorted(name for name in found if name.isidentifier() and name != "safelight")


def set_traps(folder: Path, modules: Iterable[str]) -> None:
    """Fill a folder with traps. One that runs leaves its name in the folder `ran` beside it."""
    for name in modules:
        leaves = f"open(__file__.rpartition('/')[0] + '/ran/{name}', 'w').close()"
        (folder / f"{name}.py").write_text(f"{leaves}\nraise SystemExit(66)")


def command_line(folder: Path) -> CommandLine:
    """A command line whose working directory is a folder of traps."""
    (folder / "ran").mkdir()
    return CommandLine(folder, {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")})


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory, modules: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("traps")
    set_traps(folder, modules)
    return folder


@pytest.fixture
def trap(tmp_path: Path, traps: Path) -> CommandLine:
    """A folder of traps of the test's own: the same files, under another name each."""
    for file in traps.iterdir():
        (tmp_path / file.name).hardlink_to(file)
    return command_line(tmp_path)


@pytest.fixture(scope="module")
def imported_among_traps(tmp_path_factory: pytest.TempPathFactory, modules: list[str]) -> Iterator[CommandLine]:
    """A folder of traps in which everything that commands share is imported, once."""
    folder = tmp_path_factory.mktemp("imported")
    set_traps(folder, modules)
    trap = command_line(folder)
    with imported_in(folder, trap.variables):
        yield trap


@pytest.fixture
def trap_behind_runpy(tmp_path: Path, modules: list[str]) -> CommandLine:
    """Without those that `python -m` itself imports before any of our lines runs: `-P` alone keeps it from these."""
    (tmp_path / "said.py").write_text("import sys; print(*sys.modules)")
    said = subprocess.run([sys.executable, "-m", "said"], cwd=tmp_path, capture_output=True, text=True, check=True)
    before = {name.partition(".")[0] for name in said.stdout.split()}
    assert not before & {"torch", "json", "typer", "asyncio", "subprocess"}
    set_traps(tmp_path, set(modules) - before)
    return command_line(tmp_path)


def assert_nothing_ran(trap: CommandLine) -> None:
    assert os.listdir(trap.folder / "ran") == []


def test_the_trap_springs_where_python_is_left_to_itself(trap: CommandLine) -> None:
    subprocess.run([sys.executable, "-m", "asyncio", "--help"], cwd=trap.folder, capture_output=True, check=False)
    assert os.listdir(trap.folder / "ran") != []


def test_every_command_is_tried() -> None:
    assert set(COMMANDS) | {"serve"} == names_of(app)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_file_of_the_working_directory_runs_in_a_command(
    trap: CommandLine, imported_among_traps: CommandLine, command: str
) -> None:
    start, shared = (sys.executable, "-P", "-m", "safelight"), imported_among_traps.variables
    ran = run(trap, start, *command.split(), *COMMANDS[command], **shared)
    assert_nothing_ran(imported_among_traps)
    assert_nothing_ran(trap)
    assert ran.returncode in (0, 1, 2)
    assert "Traceback" not in ran.stderr, ran.stderr


def test_nor_by_python_m(trap_behind_runpy: CommandLine) -> None:
    ran = run(trap_behind_runpy, (sys.executable, "-m", "safelight"), "show", "postcard")
    assert_nothing_ran(trap_behind_runpy)
    assert ran.returncode == 0, ran.stderr


def test_nor_by_the_script(trap: CommandLine) -> None:
    """However it was started, it starts what looks at a checkpoint by `python -P`, as in the tests around this."""
    ran = run(trap, SCRIPT, "models")
    assert_nothing_ran(trap)
    assert ran.returncode == 0, ran.stderr


def test_nor_where_the_path_names_the_working_directory_by_nothing(trap: CommandLine) -> None:
    """`PYTHONPATH=$PYTHONPATH:/more` with no such variable before: its empty part is the working directory."""
    ran = run(trap, (sys.executable, "-I", "-m", "safelight"), "show", "postcard", PYTHONPATH=f":{trap.folder.parent}")
    assert_nothing_ran(trap)
    assert ran.returncode == 0, ran.stderr


def test_what_python_m_ran_itself_before_our_first_line_is_told_and_nothing_else_runs(tmp_path: Path) -> None:
    trap = command_line(tmp_path)
    spy = f"open({str(tmp_path / 'ran' / 'contextlib')!r}, 'w').close()\n"
    (tmp_path / "contextlib.py").write_text(spy + Path(contextlib.__file__).read_text())
    ran = run(trap, (sys.executable, "-m", "safelight"), "version")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert str(tmp_path / "contextlib.py") in ran.stderr
    assert "python -P -m safelight" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert os.listdir(tmp_path / "ran") == ["contextlib"]  # nobody can undo that: only `-P` keeps it from running


def test_a_working_directory_that_is_pythons_own_is_no_strangers() -> None:
    command = [sys.executable, "-m", "safelight", "version"]
    ran = subprocess.run(command, cwd=Path(os.__file__).parent, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_no_line_that_is_printed_or_started_or_documented_leaves_out_the_p() -> None:
    bare = re.compile(r"(?<!-P )(?<!-P\", \")-m(\",)? \"?safelight")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    texts = (ROOT / file for file in files if file and not file.startswith(("tests/", "docs/log.md", "CHANGELOG.md")))
    found = [f"{path}: {hit[0]}" for path in texts if path.is_file() for hit in bare.finditer(_text_of(path))]
    assert found == []


def _text_of(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def test_nor_by_python_p_nor_in_a_server_that_draws(trap: CommandLine) -> None:
    """Nothing of it is forked."""
    with serving(trap.folder, engine="local", threads="1") as served:
        assert draw(served, Order("256x192", "png", 5), model="postcard")
    assert_nothing_ran(trap)


def run(
    trap: CommandLine, start: tuple[str, ...], *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*start, *arguments],
        cwd=trap.folder,
        env=trap.environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
