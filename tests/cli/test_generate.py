"""`safelight generate`: in process and by a server, the same picture and the same words."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.server import free_port
from PIL import Image

from safelight.cli.drawing.remote import _body
from safelight.service.drawing.inputs.reception import HeldPicture
from tests import web_server
from tests.cli.conftest import CommandLine, InProcess, Server, assert_sentence
from tests.sent_pictures import halves
from tests.web_server import Handler, WebServer

LOCAL = ("generate", "a boat", "--engine", "fake")


def remote(server: Server, *arguments: str) -> tuple[str, ...]:
    return ("generate", "a boat", "--url", server.url, "--key", server.key, *arguments)


def test_a_picture_is_written_whole_with_what_it_was_made_of_beside(safelight: CommandLine) -> None:
    ran = safelight(*LOCAL, "--aspect-ratio", "16:9", "--seed", "7", "-o", "boat.png")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    assert "boat.png" in ran.stderr
    assert "seed 7" in ran.stderr
    with Image.open(safelight.folder / "boat.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1344, 768))
    assert [path.name for path in safelight.folder.iterdir()] == ["boat.png"]


def test_a_server_gives_the_same_bytes_as_drawing_in_process(server: Server, safelight: CommandLine) -> None:
    options = ("--seed", "7", "--negative-prompt", "fog", "--size", "832x1216", "--model", "stability-image-ultra")
    assert safelight(*LOCAL, *options, "-o", "local.png").returncode == 0
    ran = safelight(*remote(server, *options, "-o", "remote.png"))
    assert ran.returncode == 0, ran.stderr
    assert (safelight.folder / "local.png").read_bytes() == (safelight.folder / "remote.png").read_bytes()
    assert "seed 7, drawn by" in ran.stderr


@pytest.mark.parametrize(("options", "expected"), [((), "JPEG"), (("--output-format", "png"), "PNG")])
def test_the_files_name_chooses_the_format_unless_an_option_does(
    safelight: CommandLine, options: tuple[str, ...], expected: str
) -> None:
    safelight(*LOCAL, "-o", "boat.jpg", *options)
    with Image.open(safelight.folder / "boat.jpg") as picture:
        assert picture.format == expected


@pytest.mark.parametrize("name", ["boat.webp", "boat.svg"])
def test_a_model_under_its_own_id_takes_what_it_supports(server: Server, quick: InProcess, name: str) -> None:
    options = ("--model", "postcard", "--seed", "7", "--size", "512x320", "--steps", "3", "--guidance-scale", "1.5")
    assert quick(*LOCAL, *options, "-o", name).returncode == 0
    local = (quick.folder / name).read_bytes()
    assert quick(*remote(server, *options, "-o", name)).returncode == 0
    assert (quick.folder / name).read_bytes() == local
    kept = quick(*LOCAL, "--model", "postcard", "--quality", "low", "--output-compression", "20", "-o", "boat.jpg")
    assert kept.returncode == 0


def test_several_pictures_are_files_of_their_own(server: Server, quick: InProcess) -> None:
    several = ("--model", "postcard", "--n", "3", "--seed", "7", "--json")
    told = json.loads(quick(*LOCAL, *several).stdout)
    names = ["safelight-7.png", "safelight-8.png", "safelight-9.png"]
    assert [(one["file"], one["seed"]) for one in told] == list(zip(names, (7, 8, 9), strict=True))
    told = json.loads(quick(*remote(server, *several, "-o", "boat.png")).stdout)
    assert [(one["file"], one["seed"]) for one in told] == [(f"boat-{i}.png", 6 + i) for i in (1, 2, 3)]
    for index, name in enumerate(names, 1):
        assert (quick.folder / name).read_bytes() == (quick.folder / f"boat-{index}.png").read_bytes()
    assert_sentence(quick(*LOCAL, "--model", "postcard", "--n", "2", "-o", "-"), 2, "writes one picture")


def test_without_a_name_the_seed_names_the_file_and_json_tells_it(safelight: CommandLine) -> None:
    told = json.loads(safelight(*LOCAL, "--json", "--output-format", "jpeg").stdout)
    assert told["file"] == f"safelight-{told['seed']}.jpg"
    assert told["seed"] > 0
    assert (safelight.folder / told["file"]).stat().st_size == told["bytes"]


def test_a_dash_writes_the_picture_to_standard_output(safelight: CommandLine) -> None:
    command = safelight.command(*LOCAL, "-o", "-")
    environment = safelight.environment()
    ran = subprocess.run(command, cwd=safelight.folder, env=environment, capture_output=True, check=True)
    with Image.open(io.BytesIO(ran.stdout)) as picture:
        assert picture.size == (1024, 1024)


def test_a_picture_is_not_written_to_a_terminal(safelight: CommandLine) -> None:
    leader, follower = pty.openpty()
    process = safelight.start(*LOCAL, "-o", "-", stdout=follower, stderr=subprocess.PIPE)
    os.close(follower)
    _, said = process.communicate(timeout=300)
    os.close(leader)
    assert process.returncode == 2
    assert "which is a terminal" in said


def test_a_terminal_shows_a_progress_bar(safelight: CommandLine) -> None:
    leader, follower = pty.openpty()
    environment = safelight.environment(TERM="xterm")
    process = subprocess.Popen(
        safelight.command(*LOCAL, "-o", "boat.png"), cwd=safelight.folder, env=environment, stderr=follower
    )
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 65536):
            shown += piece
    except OSError:
        pass  # how Linux says that the other end of a terminal is closed (EIO)
    os.close(leader)
    assert process.wait(300) == 0
    assert "Waiting" in shown.decode() or "Drawing" in shown.decode()
    assert "boat.png" in shown.decode()


@pytest.mark.parametrize(
    "options",
    [
        ("--size", "512x512"),
        ("--aspect-ratio", "16:9", "--size", "1024x1024"),
        ("--seed", "4294967296"),
        ("--output-format", "webp"),
        ("--model", "dall-e-3"),
        ("--steps", "5"),
        ("--n", "2"),
        ("--model", "postcard", "--steps", "5", "--quality", "low"),
        ("--model", "postcard", "--output-format", "svg", "--output-compression", "50"),
        ("--negative-prompt", "x" * 10_001),
    ],
)
def test_what_is_wrong_is_said_in_the_endpoints_words(
    server: Server, quick: InProcess, options: tuple[str, ...]
) -> None:
    in_process, by_server = quick(*LOCAL, *options), quick(*remote(server, *options))
    assert_sentence(in_process, 2)
    assert_sentence(by_server, 2)
    assert in_process.stderr == by_server.stderr
    assert list(quick.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "nowhere/boat.png"), "nowhere for boat.png does not exist"),
        (("-o", "."), "is a folder"),
        (("-o", "-", "--json"), "both write to standard output"),
        (("--url", "localhost:8484", "--key", "k"), "takes an address like http"),
        (("--url", "http://127.0.0.1:1"), "DIFFUSION_KEY"),
        (("--url", "http://127.0.0.1:1", "--key", "ключ"), "cannot be sent"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_drawn(quick: InProcess, options: tuple[str, ...], said: str) -> None:
    assert_sentence(quick("generate", "a boat", *options), 2, said)


def test_the_key_may_come_from_the_environment_and_is_checked_by_the_server(
    server: Server, safelight: CommandLine
) -> None:
    ask = ("generate", "a boat", "--url", f"{server.url}/v1/", "-o", "boat.png")
    assert safelight(*ask, DIFFUSION_KEY=server.key).returncode == 0
    assert_sentence(safelight(*ask, DIFFUSION_KEY="sl-wrong"), 2, "This API key is not known here")


def test_no_key_is_needed_where_the_server_uses_our_own_state_folder(server: Server, tmp_path: Path) -> None:
    ran = server.safelight("generate", "a boat", "--url", server.url, "-o", str(tmp_path / "boat.png"))
    assert ran.returncode == 0, ran.stderr


def test_a_server_that_is_not_there_is_said(quick: InProcess) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert_sentence(quick("generate", "a boat", "--url", url, "--key", "k"), 1, f"No server answers at {url}")


def test_a_server_that_says_nothing_is_given_up(quick: InProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ran = quick("generate", "a boat", "--url", url, "--key", "k", "--timeout", "1")
    assert_sentence(ran, 1, "did not answer within 1 s")


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """A web server that answers every POST in one way."""

    class Answer(Handler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = WebServer(Answer)
    with web_server.answering(server):
        yield server.url


BUSY = (
    b'{"error": {"message": "The queue is full.", "type": "server_error", "param": null, "code": "engine_overloaded"}}'
)


def test_a_prompt_that_was_cut_is_told(quick: InProcess) -> None:
    body = b'{"data": [{"b64_json": "aGVsbG8="}]}'
    with answering(200, body, x_safelight_prompt_truncated="prompt;read=77;tokens=122") as url:
        ran = quick("generate", "a boat", "--url", url, "--key", "k", "-o", "boat.png")
        assert "`prompt` was cut: the model reads 77 tokens, and it has 122." in ran.stderr
        told = quick("generate", "a boat", "--url", url, "--key", "k", "-o", "boat.png", "--json")
    assert json.loads(told.stdout)["prompt_truncated"] == {"prompt": {"read": 77, "tokens": 122}}


@pytest.mark.parametrize(
    ("status", "body", "exit_code", "said"),
    [
        (503, BUSY, 1, "The queue is full. Ask again in 7 s."),
        (200, b"<html>", 1, "with no picture in it"),
        (200, b'{"data": []}', 1, "with no picture in it"),
        (404, b"<html>", 2, "not as an images API does"),
    ],
)
def test_an_answer_without_a_picture_is_told_apart(
    quick: InProcess, status: int, body: bytes, exit_code: int, said: str
) -> None:
    with answering(status, body, retry_after="7") as url:
        ran = quick("generate", "a boat", "--url", url, "--key", "k", "-o", "boat.png")
    assert_sentence(ran, exit_code, said)
    assert not (quick.folder / "boat.png").exists()


@pytest.fixture
def picture(safelight: CommandLine) -> str:
    """A file to work from, in the folder where commands run."""
    (safelight.folder / "harbour.png").write_bytes(halves())
    return "harbour.png"


def test_pictures_are_drawn_from_in_process_and_by_a_server_alike(
    server: Server, safelight: CommandLine, picture: str
) -> None:
    options = ("--model", "postcard", "--seed", "7", "--image", picture, "--mask", picture, "--strength", "0.5")
    for arguments in ((*LOCAL, *options, "-o", "local.png"), remote(server, *options, "-o", "remote.png")):
        ran = safelight(*arguments)
        assert ran.returncode == 0, ran.stderr
    local, asked = ((safelight.folder / f"{name}.png").read_bytes() for name in ("local", "remote"))
    assert local == asked
    with Image.open(io.BytesIO(local)) as drawn:
        assert drawn.size == (96, 64)


def test_maps_are_followed_in_process_and_sent_to_a_server(quick: InProcess) -> None:
    options = {"controlnets": {"canny": "/nets/canny", "depth": "/nets/depth"}}
    quick.variables["SAFELIGHT_MODELS"] = json.dumps({"postcard": {"source": "postcard", "options": options}})
    (quick.folder / "edges.png").write_bytes(halves())
    asked = ("--model", "postcard", "--seed", "7")
    drawn = []
    for more in ((), ("--control", "canny=edges.png"), ("--control", "depth=edges.png", "--control-strength", "0.5")):
        ran = quick(*LOCAL, *asked, *more, "-o", "boat.png")
        assert ran.returncode == 0, ran.stderr
        drawn.append((quick.folder / "boat.png").read_bytes())
    assert len(set(drawn)) == 3
    assert_sentence(quick(*LOCAL, *asked, "--control", "edges.png"), 2, "--control takes NAME=FILE")
    assert_sentence(quick(*LOCAL, *asked, "--control", "pose=edges.png"), 2, "It has: canny, depth.")
    assert_sentence(quick(*LOCAL, *asked, "--control", "canny=none.png"), 2, "none.png cannot be read")


def test_a_server_is_sent_maps_as_it_takes_them() -> None:
    edges = HeldPicture(halves())
    fields = {"prompt": "a", "control": {"canny": edges}, "control_strength": 0.5}
    by_words = _body("http://a", fields)
    assert by_words["url"] == "http://a/v1/images/generations"
    sent = by_words["json"]["control"]["canny"]["image_url"]
    assert base64.b64decode(sent.partition(",")[2]) == halves()
    by_form = _body("http://a", fields | {"image": (edges,)})
    assert by_form["url"] == "http://a/v1/images/edits"
    assert [name for name, _ in by_form["files"]] == ["image", "control[canny]"]
    assert by_form["data"] == {"prompt": "a", "control_strength": "0.5"}


def test_a_file_that_is_not_there_is_named(quick: InProcess) -> None:
    ran = quick(*LOCAL, "--model", "postcard", "--image", "none.png")
    assert_sentence(ran, 2, "none.png cannot be read")
