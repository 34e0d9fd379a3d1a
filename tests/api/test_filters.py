"""Filters of the operator's, as real commands and real addresses, before a server with the fake engine."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from safelight.adapters.filtering.command_filter import CommandFilter
from safelight.adapters.filtering.http_filter import HttpFilter
from safelight.service.ports.filters import FilterFailed, Question, Verdict
from tests.api.conftest import PICTURES, Running, Serve

ASKED = Question(model="m", prompt="a boat")
Command = Callable[[str], str]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A command that runs these lines of Python, with the question in `asked`; each question is noted in a file."""

    def write(lines: str) -> str:
        script = tmp_path / "judge.py"
        begin = "import json, sys\nasked = json.load(sys.stdin)\n"
        note = f"print(json.dumps(asked), file=open({str(tmp_path / 'asked')!r}, 'a'))\n"
        script.write_text(begin + note + lines)
        return f"{sys.executable} '{script}'"

    return write


def asked(tmp_path: Path) -> list[dict[str, Any]]:
    """What the command was asked so far."""
    noted = tmp_path / "asked"
    return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


@asynccontextmanager
async def address(status: int, body: bytes) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that answers every question so; its address and the questions."""
    questions: list[dict[str, Any]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line[15:]) for line in head.splitlines() if line.startswith("content-length:"))
        questions.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/judge", questions


NO_FOX = "if 'fox' in asked['prompt']: print('no foxes here'); sys.exit(1)"


async def test_a_command_refuses_a_prompt_before_it_is_drawn(serve: Serve, command: Command, tmp_path: Path) -> None:
    running = await serve(prompt_filter=command(NO_FOX))
    refused = await running.draw(prompt="a fox", negative_prompt="snow")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "content_policy_violation", "prompt")
    assert error["message"] == "The operator of this server does not allow this prompt. Reason: no foxes here"
    assert (await running.draw(prompt="a boat")).status_code == 200
    first, second = asked(tmp_path)
    assert first == {"model": "stable-image-ultra", "prompt": "a fox", "negative_prompt": "snow"}
    assert second["prompt"] == "a boat"
    assert len(running.ledger.entries) == 1


async def test_a_job_is_refused_before_it_is_accepted(serve: Serve, command: Command) -> None:
    running = await serve(prompt_filter=command(NO_FOX))
    body = {"model": "stable-image-ultra", "prompt": "a fox"}
    refused = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_policy_violation")
    assert (await running.client.get("/v1/jobs")).json()["data"] == []


async def test_an_address_judges_the_very_picture_that_would_be_shown(serve: Serve) -> None:
    async with address(200, b'{"allowed": true}') as (url, questions):
        running = await serve(image_filter=url)
        drawn = await running.draw(prompt="a boat", output_format="jpeg")
    assert drawn.status_code == 200
    (question,) = questions
    assert question["image"] == drawn.json()["data"][0]["b64_json"]
    assert (question["media_type"], question["prompt"]) == ("image/jpeg", "a boat")
    assert base64.b64decode(question["image"])[:2] == b"\xff\xd8"


async def test_a_refused_picture_reaches_nobody_and_has_no_previews(serve: Serve) -> None:
    async with address(200, b'{"allowed": false, "reason": "not\\nthat"}') as (url, _):
        running = await serve(image_filter=url)
        plain = await running.draw(prompt="a boat")
        assert plain.status_code == 400
        assert (
            plain.json()["error"]["message"] == "The operator of this server does not allow this picture. Reason: not"
        )
        stream = await running.draw(model="postcard", prompt="a boat", stream=True, partial_images=3)
        job = (
            await running.client.post(
                PICTURES, json={"model": "postcard", "prompt": "a boat"}, headers={"prefer": "respond-async"}
            )
        ).json()
        events = (await running.client.get(f"/v1/jobs/{job['id']}/events")).text
    assert "content_policy_violation" in stream.text
    assert "b64_json" not in stream.text
    assert "content_policy_violation" in events
    assert "preview" not in events


@pytest.mark.parametrize(("on_failure", "status"), [("refuse", 500), ("allow", 200)])
async def test_a_filter_that_fails_refuses_or_allows_as_set(
    serve: Serve, command: Command, on_failure: str, status: int
) -> None:
    running = await serve(prompt_filter=command("sys.exit(7)"), filter_failure=on_failure)
    answer = await running.draw(prompt="a boat")
    assert answer.status_code == status
    if status == 500:
        assert "did not work just now" in answer.json()["error"]["message"]


async def test_a_job_whose_picture_cannot_be_judged_fails_and_the_next_is_drawn(serve: Serve, tmp_path: Path) -> None:
    judge = tmp_path / "judge.sh"
    judge.write_text(f"#!/bin/sh\ntest -e {tmp_path}/mended || exit 9\n")
    judge.chmod(0o700)
    running = await serve(image_filter=str(judge))
    assert await _job_ends(running) == ("failed", "internal_error")
    (tmp_path / "mended").touch()
    assert await _job_ends(running) == ("finished", None)


async def _job_ends(running: Running) -> tuple[str, str | None]:
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    job = (await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})).json()
    await running.client.get(f"/v1/jobs/{job['id']}/events")
    ended = (await running.client.get(f"/v1/jobs/{job['id']}")).json()
    return ended["state"], (ended.get("error") or {}).get("code")


async def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    script = tmp_path / "hangs.sh"
    script.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {tmp_path}/child\nwait\n")
    script.chmod(0o700)
    with pytest.raises(FilterFailed, match=r"no verdict within 0\.5 s"):
        await CommandFilter(str(script), 0.5).judge(ASKED)
    child = int((tmp_path / "child").read_text())
    while _lives(child):  # noqa: ASYNC110 - a killed process is gone when init has reaped it
        await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_command_that_is_not_there_fails() -> None:
    with pytest.raises(FilterFailed, match="cannot be started: No such file"):
        await CommandFilter("/nowhere/judge --strict", 5).judge(ASKED)


async def test_a_command_is_given_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAFELIGHT_API_KEY", "secret")
    assert os.environ["SAFELIGHT_API_KEY"]
    script = tmp_path / "env.sh"
    script.write_text('#!/bin/sh\ntest -z "$SAFELIGHT_API_KEY"\n')
    script.chmod(0o700)
    assert await CommandFilter(str(script), 5).judge(ASKED) == Verdict(True)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"{}", "status 500"),
        (302, b"", "status 302"),
        (200, b"yes", "no verdict"),
        (200, b'{"allowed": "yes"}', "no verdict"),
    ],
)
async def test_an_address_that_answers_something_else_fails(status: int, body: bytes, said: str) -> None:
    async with address(status, body) as (url, _):
        judge = HttpFilter(url, 5)
        with pytest.raises(FilterFailed, match=said):
            await judge.judge(ASKED)
        await judge.close()


async def test_an_address_that_is_not_there_fails() -> None:
    async with address(200, b"") as (url, _):
        pass
    judge = HttpFilter(url, 5)
    with pytest.raises(FilterFailed, match="cannot be reached"):
        await judge.judge(ASKED)
    await judge.close()
