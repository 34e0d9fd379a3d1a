"""Commands ask the server that runs on the state folder, and say so; its models may be others than the settings'."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight import __version__
from tests.cli.conftest import CommandLine, InProcess, Server, assert_sentence
from tests.cli.test_starting import END_OF_GREETING


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """A command line beside a server that offers Postcard under an id of its own, with stripes instead of pictures."""
    safelight = CommandLine(tmp_path_factory.mktemp("served"))
    with safelight.until(END_OF_GREETING, "serve", "--engine", "fake", "--model", "postcard", "--as", "sd"):
        yield InProcess(safelight.folder)


def test_generate_asks_the_running_server_and_says_so(served: InProcess) -> None:
    asked = served("generate", "a boat", "--seed", "7", "-o", "asked.png")
    assert asked.returncode == 0, asked.stderr
    assert "The server at http://127.0.0.1:" in asked.stderr
    assert "drawn by fake" in asked.stderr


def test_a_server_and_this_process_draw_the_same_bytes_and_it_is_said_who_did(tmp_path: Path) -> None:
    """Postcard itself, with its number format and threads as they come. tests/e2e/test_exactness.py has one that was
    measured."""
    safelight = CommandLine(tmp_path, {"SAFELIGHT_WARM_UP_SECONDS": "0"})
    with safelight.until(END_OF_GREETING, "serve"):
        wish = ("generate", "a boat on a lake", "--model", "postcard", "--seed", "7", "--size", "256x256")
        by_server = safelight(*wish, "-o", "by-server.png")
        here = safelight(*wish, "-o", "here.png", "--in-process")
        address = json.loads(safelight("env", "--json").stdout)["DIFFUSION_URL"]
    assert f"The server at {address} draws it. With --in-process, this command draws it." in by_server.stderr
    assert "draws it. With" not in here.stderr
    assert (safelight.folder / "by-server.png").read_bytes() == (safelight.folder / "here.png").read_bytes()


def test_in_process_asks_nobody(served: InProcess) -> None:
    drawn = served("generate", "a boat", "--in-process", "-o", "drawn.png", SAFELIGHT_ENGINE="fake")
    assert drawn.returncode == 0, drawn.stderr
    assert "draws it. With" not in drawn.stderr


def test_how_to_draw_here_is_said_to_whoever_draws_here(served: InProcess) -> None:
    ran = served("generate", "a boat", "--engine", "fake", "-o", "here.png")
    assert ran.returncode == 0, ran.stderr
    assert "draws it. With" not in ran.stderr


def test_a_model_that_only_the_settings_have_is_drawn_here(served: InProcess) -> None:
    ran = served("generate", "a boat", "--model", "postcard", "-o", "here.png", SAFELIGHT_ENGINE="fake")
    assert ran.returncode == 0, ran.stderr
    assert "does not offer postcard, so it is drawn here" in ran.stderr
    assert_sentence(served("generate", "a boat", "--model", "dall-e"), 2, "There is no model 'dall-e' here. Models: sd")


def test_models_and_show_are_the_servers(served: InProcess) -> None:
    listed = served("models", "--json")
    (model,) = json.loads(listed.stdout)
    assert (model["id"], model["status"], model["drawn_by"]) == ("sd", "ready", "fake")
    assert "steps" in model["capabilities"]["parameters"]
    assert "As the server at http://127.0.0.1:" in listed.stderr
    assert "stable-image-ultra" not in served("models").stdout
    shown = json.loads(served("show", "sd", "--json").stdout)
    assert shown["source"] == "postcard"


def test_a_server_that_does_not_answer_keeps_nobody_from_drawing(quick: InProcess) -> None:
    """Its process lives, by its number; nothing listens."""
    quick.home.mkdir()
    alive = subprocess.Popen(["sleep", "300"])
    try:
        (quick.home / "server").write_text(f"{alive.pid} http://127.0.0.1:9\n")
        (quick.home / "key").write_text("sl-a-key\n")
        ran = quick("generate", "a boat", "-o", "boat.png", SAFELIGHT_ENGINE="fake")
        assert ran.returncode == 0, ran.stderr
        assert "did not tell its models" in ran.stderr
        assert "It is drawn here." in ran.stderr
        assert json.loads(quick("models", "--json").stdout)[0]["id"] == "stable-image-ultra"
    finally:
        alive.kill()
        alive.wait()


@pytest.mark.parametrize("asking", ["-h", "--help"])
@pytest.mark.parametrize("command", [(), ("serve",), ("keys",), ("keys", "create")])
def test_help_has_a_short_name_everywhere(quick: InProcess, command: tuple[str, ...], asking: str) -> None:
    ran = quick(*command, asking)
    assert (ran.returncode, ran.stdout.startswith("Usage: safelight")) == (0, True)


def test_the_version_is_an_option_too(quick: InProcess) -> None:
    assert quick("--version").stdout == f"safelight {__version__}\n"


@pytest.mark.parametrize(("begun", "completed"), [("gen", "generate"), ("ru", "run")])
def test_a_shell_completes_commands(safelight: CommandLine, begun: str, completed: str) -> None:
    words = {"_SAFELIGHT_COMPLETE": "complete_bash", "COMP_WORDS": f"safelight {begun}", "COMP_CWORD": "1"}
    assert safelight(**words).stdout.split() == [completed]


def test_env_is_the_servers_own_address_without_a_word(server: Server) -> None:
    ran = server.safelight("env")
    assert server.url in ran.stdout
