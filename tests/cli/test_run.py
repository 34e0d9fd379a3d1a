"""`safelight run`: from a model's name to its studio, against a hub on this machine, in real processes."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from benchmarks.checkpoints import tiny

from tests.cli.conftest import CommandLine, assert_sentence
from tests.cli.hub import Hub, serving
from tests.forking.starting import imported_in

MODEL = "acme/tiny"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save("stable-diffusion", tmp_path_factory.mktemp("hub") / "model")


@pytest.fixture(scope="module")
def hub(checkpoint: Path) -> Iterator[Hub]:
    with serving({MODEL: checkpoint}) as hub:
        yield hub


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[Path]:
    """A link, behind which each test has a folder of its own for what is fetched.

    The hub's library reads where it is when it is imported. So all tests name the same place, and what they start is
    forked from what has imported with that; otherwise each command would import anew, and PyTorch with it.
    """
    link = tmp_path_factory.mktemp("cache") / "hf"
    with imported_in(link.parent, {"HF_ENDPOINT": hub.url, "HF_HOME": str(link)}):
        yield link


@pytest.fixture
def here(tmp_path: Path, hub: Hub, cache: Path) -> CommandLine:
    """The command line with that hub, a cache of its own, and a browser that writes down what it is to open.

    A model is ready once it is loaded: its speed is not measured.
    """
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    os.mkfifo(opened)
    # Nobody may read what it writes, where a test fails: then it must not hold the command's standard error open.
    browser.write_text(f'#!/bin/sh\nexec 2>/dev/null\ntouch {tmp_path}/called\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    own = tmp_path / "hf"
    own.mkdir()
    cache.unlink(missing_ok=True)
    cache.symlink_to(own)
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "BROWSER": str(browser)}
    return CommandLine(tmp_path, variables | {"SAFELIGHT_WARM_UP_SECONDS": "0"})


def opened(here: CommandLine) -> str:
    """The address that the browser was given, once it was."""
    return (here.folder / "opened").read_text()


def sign_in(link: str) -> httpx.Response:
    """What the page does with a link that signs in."""
    base, _, token = link.partition("/studio/?token=")
    return httpx.post(f"{base}/studio/session", json={"token": token}, headers={"origin": base}, timeout=60)


def test_a_model_of_the_hub_is_fetched_served_and_shown_signed_in(here: CommandLine) -> None:
    with here.until("is ready in", "run", MODEL, "--yes") as said:
        assert re.search(r"acme/tiny is not on this machine\. Fetching it takes \d+\.\d [kM]B and about \d+ s", said), (
            said
        )
        assert re.search(r"^tiny is ready in \d+ s\. Ctrl-C ends the server\.$", said, re.MULTILINE)
        assert sign_in(opened(here)).status_code == 200
        again = here("run", MODEL, "--no-browser")
        assert_sentence(again, 0, "offers acme/tiny already, as tiny", "`safelight link`")


def test_without_a_terminal_nothing_is_fetched_and_the_command_that_does_is_said(here: CommandLine, hub: Hub) -> None:
    ran = here("run", MODEL)
    assert_sentence(
        ran, 2, "acme/tiny is not on this machine", "`safelight run acme/tiny --yes`", "`safelight pull acme/tiny`"
    )
    assert "serves" not in ran.stderr
    assert not here("list").stdout.strip()


@contextmanager
def asked(here: CommandLine, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`safelight run` at a terminal of its own that has just asked whether to fetch, and our end of the terminal."""
    ours, theirs = pty.openpty()
    process = here.start("run", "--port", "0", *arguments, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    try:
        read_until(ours, b"Fetch it? [Y/n]")
        yield process, ours
    finally:
        process.terminate()
        process.wait(300)
        os.close(ours)


def read_until(terminal: int, words: bytes) -> bytes:
    said = b""
    while words not in said:
        said += os.read(terminal, 65536)  # an OSError where the process has ended
    return said


def test_a_person_is_asked_and_may_decline(here: CommandLine, hub: Hub) -> None:
    with asked(here, MODEL) as (process, terminal):
        os.write(terminal, b"n\n")
        assert process.wait(300) == 1
    assert not here("list").stdout.strip()


@pytest.mark.parametrize("answer", [b"y\n", b"\n"])
def test_a_person_who_says_yes_gets_model_and_studio(here: CommandLine, hub: Hub, answer: bytes) -> None:
    with asked(here, MODEL) as (process, terminal):
        os.write(terminal, answer)
        said = read_until(terminal, b"Ctrl-C ends the server.")
        assert b"tiny is ready in" in said
        assert b"token=" not in said  # the browser has it
        assert sign_in(opened(here)).status_code == 200
        process.terminate()
        assert process.wait(300) == 0
    assert MODEL in here("list").stdout


def test_a_folder_is_served_under_its_name_and_no_browser_opens_where_none_is_wanted(
    here: CommandLine, checkpoint: Path
) -> None:
    folder = shutil.copytree(checkpoint, here.folder / "Fine-Tune")
    with here.until("prints an address", "run", str(folder), "--no-browser") as said:
        assert "fine-tune is ready in" in said
    assert not (here.folder / "called").exists()


def test_a_single_file_needs_to_be_told_what_it_was_made_from(here: CommandLine, checkpoint: Path) -> None:
    file = shutil.copyfile(
        checkpoint / "unet" / "diffusion_pytorch_model.safetensors", here.folder / "fine.safetensors"
    )
    for command in (("run",), ("serve", "--model")):
        assert_sentence(here(*command, str(file)), 2, "is a single file", "`safelight run FILE --config org/name`")
    assert_sentence(here("run", str(file), "--config", MODEL), 2, "acme/tiny is not on this machine")


def test_a_single_file_draws_with_the_parts_of_what_it_was_made_from(here: CommandLine, checkpoint: Path) -> None:
    file = shutil.copyfile(
        checkpoint / "unet" / "diffusion_pytorch_model.safetensors", here.folder / "fine.safetensors"
    )
    drawn = {}
    for name, arguments in {"fine": [str(file), "--config", MODEL], "tiny": [MODEL]}.items():
        with here.until("Ctrl-C ends", "run", *arguments, "--yes", "--no-browser") as said:
            assert f"{name} is ready in" in said
            made = here("generate", "a boat", "-o", f"{name}.png", "--seed", "7", "--json")
            assert made.returncode == 0, made.stderr
            drawn[name] = (here.folder / f"{name}.png").read_bytes()
    assert drawn["fine"] == drawn["tiny"]


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(here: CommandLine, checkpoint: Path) -> None:
    folder = shutil.copytree(checkpoint, here.folder / "broken")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    ran = here("run", str(folder), "--port", "0")
    assert_sentence(ran, 1, "broken cannot draw.")
    assert not (here.folder / "called").exists()


def test_an_id_of_the_settings_is_run_as_they_say(here: CommandLine) -> None:
    with here.until("is ready in", "run", "stable-image-ultra", "--engine", "fake", "--no-browser") as said:
        assert "stable-image-ultra is drawn by the fake engine" in said
        assert " is drawn by Postcard" not in said


def test_what_is_nowhere_is_said(here: CommandLine) -> None:
    assert_sentence(here("run", "nowhere"), 2, "There is no folder and no file")
    assert_sentence(here("run", "acme/other", "--yes"), 2, "There is no model acme/other")
