"""A server whose PostgreSQL is away, at the start or later: it says so, hangs nobody, and comes back by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import CommandLine
from tests.clients.process import KEY, MODEL, Served, serving
from tests.e2e.drawing import wait_until
from tests.postgres import Server, new_server

WAITING = "waiting_for_database"
_ANSWER_SECONDS = 5.0
# Beside seven other test processes the machine itself may be that late.
_MACHINE_SECONDS = 15.0


@pytest.fixture
def database() -> Iterator[Server]:
    with new_server() as server:
        yield server


def ask(served_url: str, key: str) -> httpx.Response:
    body = {"model": MODEL, "prompt": "a boat"}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{served_url}/v1/images/generations", json=body, headers=headers, timeout=60)


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text[:300]
    assert answer.json()["error"]["code"] == "database_unavailable"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["x-request-id"]
    assert answer.elapsed.total_seconds() < _ANSWER_SECONDS + _MACHINE_SECONDS


def ask_for_jobs(served_url: str, key: str) -> httpx.Response:
    return httpx.get(f"{served_url}/v1/jobs", headers={"authorization": f"Bearer {key}"}, timeout=60)


def log_of(served: Served) -> list[dict[str, object]]:
    """What the server wrote since it served, once it has ended."""
    lines = []
    while (line := served.lines.get(timeout=300)) is not None:
        if line.startswith("{"):  # the greeting is for people
            lines.append(json.loads(line))
    return lines


@pytest.mark.parametrize("silent", [False, True])
def test_while_it_is_away_requests_are_told_so_and_it_comes_back_by_itself(
    tmp_path: Path, database: Server, silent: bool
) -> None:
    with serving(tmp_path, database=database.database()) as served:
        key = served.new_key()
        assert ask(served.url, key).status_code == 200
        database.freeze() if silent else database.stop()
        for _ in range(2):
            assert_unavailable(ask(served.url, key))
            assert_unavailable(ask_for_jobs(served.url, served.key))
        # Whose key stands in the environment needs no database to be drawn for.
        assert ask(served.url, served.key).status_code == 200
        assert httpx.get(f"{served.url}/livez", timeout=60).status_code == 200
        database.freeze(False) if silent else database.start()
        wait_until(lambda: ask(served.url, key).status_code == 200)
        served.process.terminate()
        said = log_of(served)
    events = [line["event"] for line in said]
    assert events.index("database_away") < events.index("database_back")
    reasons = " ".join(str(line.get("reason")) for line in said)
    assert [word for word in ("SELECT", "INSERT", "postgres@", str(database.folder)) if word in reasons] == []


def test_a_server_that_starts_while_it_is_away_says_so_and_serves_once_it_is_there(
    tmp_path: Path, database: Server
) -> None:
    url = database.database()
    database.stop()
    safelight = CommandLine(tmp_path, {"SAFELIGHT_API_KEY": KEY, "SAFELIGHT_DATABASE": url})
    with safelight.started("serve", "--engine", "fake", "--port", "0", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        # Two servers that share a database and no place for pictures would each have half of them.
        assert json.loads(process.stderr.readline())["event"] == "files_of_one_server"
        served_at = next(told["url"] for told in map(json.loads, process.stderr) if told["event"] == WAITING)
        assert_unavailable(ask(served_at, KEY))
        assert httpx.get(f"{served_at}/readyz", timeout=60).status_code == 503
        assert httpx.get(f"{served_at}/livez", timeout=60).json() == {"status": "ok"}
        database.start()
        wait_until(lambda: ask(served_at, KEY).status_code == 200)
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0


def test_a_server_that_waits_for_it_ends_when_it_is_told_to(tmp_path: Path, database: Server) -> None:
    url = database.database()
    database.stop()
    safelight = CommandLine(tmp_path, {"SAFELIGHT_DATABASE": url})
    with safelight.started("serve", "--engine", "fake", "--port", "0", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert any(json.loads(line)["event"] == WAITING for line in process.stderr)
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0
