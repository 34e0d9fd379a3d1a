"""What `serve` prints when nothing is there yet: lines that a person pastes into another terminal."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.clients.pictures import opened

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")

_LAST_LINE = "b64_json"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CommandLine, str]]:
    """A first server on an empty state folder, and what it printed up to the end of its curl command."""
    safelight = CommandLine(tmp_path_factory.mktemp("first"))
    process = safelight.start(
        "serve", "--engine", "fake", "--port", "0", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = ""
    while _LAST_LINE not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    yield safelight, said
    process.terminate()
    process.communicate(timeout=300)
    assert process.returncode == 0


def paste(safelight: CommandLine, lines: str, folder: Path) -> None:
    """Run lines in bash in `folder`, with `safelight` on the path, and open the picture that they wrote."""
    command = folder / "bin" / "safelight"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {" ".join(safelight.command())} "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{safelight.environment()['PATH']}"
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        cwd=folder,
        env=safelight.environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert opened((folder / "picture.png").read_bytes()).size == (1344, 768)


def test_the_lines_that_are_printed_draw_a_picture_where_they_are_pasted(
    started: tuple[CommandLine, str], tmp_path: Path
) -> None:
    safelight, said = started
    paste(safelight, said[said.index("export ") :], tmp_path)


def test_the_variables_of_the_env_command_do_too(started: tuple[CommandLine, str], tmp_path: Path) -> None:
    safelight, said = started
    paste(safelight, 'eval "$(safelight env)"\n' + said[said.index("curl ") :], tmp_path)
