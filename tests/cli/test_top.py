"""`safelight top` against a real server: once, into a pipe, and in a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess

import pytest
from rich.console import Console

from safelight.cli.serving.top import picture_of
from tests.cli.conftest import InProcess, Server, assert_sentence


def test_one_look_as_json_and_as_text(server: Server) -> None:
    state = json.loads(server.safelight("top", "--once", "--json").stdout)
    assert state["object"] == "state"
    assert {model["id"] for model in state["models"]} == {"stable-image-ultra", "postcard"}
    told = server.safelight("top", "--once", "--url", server.url, "--key", server.key).stdout
    for words in ("Queue: 0 wait", "pictures a minute", "postcard", "ready"):
        assert words in told
    assert "\x1b" not in told


def test_what_a_gpu_does_is_shown_and_where_nobody_says_a_dash(server: Server) -> None:
    state = json.loads(server.safelight("top", "--once", "--json").stdout)
    (worker,) = state["workers"]
    assert worker["device_percent"] is None
    state["workers"] = [worker | {"device": "cuda:0", "device_percent": 75}, worker]
    shown = io.StringIO()
    Console(file=shown, width=120).print(picture_of(state))
    busy, unknown = [line for line in shown.getvalue().splitlines() if line.lstrip().startswith("0 ")]
    assert "75 %" in busy
    assert " - " in unknown


def test_into_a_pipe_it_goes_on_until_its_reader_leaves(server: Server) -> None:
    process = server.safelight.start("top", "--every", "0.1", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    seen = 0
    while seen < 3:
        line = process.stdout.readline()
        assert line, "it has ended"
        seen += line.startswith("Queue:")
    process.stdout.close()
    assert process.wait(300) == 1


def test_in_a_terminal_q_ends_it_and_leaves_the_terminal_as_it_was(server: Server) -> None:
    ours, theirs = pty.openpty()
    process = server.safelight.start("top", stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    while b"Queue:" not in said:
        said += os.read(ours, 4096)
    assert b"\x1b[?1049h" in said, "it has a screen of its own"
    os.write(ours, b"q")
    while b"\x1b[?1049l" not in said:
        said += os.read(ours, 4096)
    assert process.wait(300) == 0
    os.close(ours)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("top", "--once"), 2, "No server runs"),
        (("top", "--once", "--url", "http://127.0.0.1:9", "--key", "sl-x"), 1, "does not tell"),
        (("top", "--every", "0"), 2, "0.1"),
    ],
)
def test_what_cannot_be_is_told(quick: InProcess, arguments: tuple[str, ...], status: int, words: str) -> None:
    assert_sentence(quick(*arguments), status, words)


def test_a_key_that_is_no_admin_key_is_told_so(server: Server) -> None:
    plain = json.loads(server.safelight("keys", "create", "--json").stdout)["key"]
    assert_sentence(server.safelight("top", "--once", "--key", plain), 2, "no admin key")
