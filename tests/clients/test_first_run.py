"""What `serve` prints when nothing is there yet: lines that a person pastes into another terminal."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.clients.pictures import opened
from tests.forking.starting import anew

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")

_LAST_LINE = "b64_json"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CommandLine, str]]:
    """A first server on an empty state folder, and what it printed up to the end of its curl command."""
    safelight = CommandLine(tmp_path_factory.mktemp("first"))
    with anew():  # as a program from its first line, which the servers of most tests are not
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


def paste(lines: str, folder: Path) -> None:
    """Run lines in bash in another folder, with nothing of ours on the path, and open the picture that they wrote."""
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
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
    _, said = started
    paste(said[said.index("eval ") :], tmp_path)


def test_a_log_holds_neither_key_nor_link(started: tuple[CommandLine, str]) -> None:
    safelight, said = started
    assert (safelight.home / "key").read_text().strip() not in said
    assert "token=" not in said
    assert " link --home " in said


def test_a_terminal_is_shown_both(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    safelight = CommandLine(tmp_path)
    process = safelight.start("serve", "--engine", "fake", "--port", "0", stderr=theirs)
    said = b""
    while _LAST_LINE.encode() not in said:
        said += os.read(ours, 65536)
    process.terminate()
    assert process.wait(300) == 0
    os.close(theirs)
    os.close(ours)
    assert (tmp_path / "home" / "key").read_bytes().strip() in said
    assert b"/studio/?token=" in said
