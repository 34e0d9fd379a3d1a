"""Readers of the log who stand still or leave: the server answers, and ends, all the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from benchmarks.server import free_port

from tests.cli.conftest import CommandLine
from tests.e2e.drawing import wait_until

# A line is some 250 bytes, a pipe holds 64 KiB, our queue 1 MiB: no pipe holds what so many requests log.
REQUESTS = 6000
AHEAD = 16
"""As many as the server takes before the first is answered: a client that waits for each costs more than the server."""


@contextmanager
def server(folder: Path, stderr: int, limits: str = "") -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    port = free_port()
    process = CommandLine(folder, limits=limits).start(
        "serve", "--engine", "fake", "--port", str(port), stdout=subprocess.DEVNULL, stderr=stderr
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
        try:
            wait_until(lambda: _answers(client))
            yield process, client
        finally:
            process.kill()
            process.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def flood(client: httpx.Client) -> None:
    """Ask for what is not there, so often; each time that is said."""
    asked = b"GET /v1/nothing-here HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=300) as connection:
        for _ in range(REQUESTS // AHEAD):
            connection.sendall(asked * AHEAD)
            answers = b""
            while answers.count(b"HTTP/1.1 404 ") < AHEAD or not answers.endswith(b"}}"):
                piece = connection.recv(65536)
                assert piece, answers
                answers += piece


def test_a_pipe_that_nobody_reads_stops_neither_an_answer_nor_the_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with server(tmp_path, writer) as (process, client):
        os.close(writer)
        flood(client)
        dropped = next(
            float(line.split()[1])
            for line in client.get("/metrics").text.splitlines()
            if line.startswith("safelight_log_lines_dropped_total ")
        )
        assert dropped > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    os.close(reader)


def test_when_it_is_read_again_a_line_says_how_many_are_missing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with server(tmp_path, writer) as (process, client):
        os.close(writer)
        flood(client)
        with os.fdopen(reader, "r") as stream:
            assert any('"log_lines_dropped"' in line for line in stream)
            process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0


@pytest.mark.parametrize("before", [True, False], ids=["from the start", "later"])
def test_a_pipe_whose_reader_has_left_harms_nothing(tmp_path: Path, before: bool) -> None:
    reader, writer = os.pipe()
    if before:
        os.close(reader)
    with server(tmp_path, writer) as (process, client):
        os.close(writer)
        if not before:
            os.close(reader)
        for _ in range(20):
            assert client.get("/v1/nothing-here").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"])
def test_a_server_whose_descriptors_are_closed_answers_and_keeps_its_files_off_their_numbers(
    tmp_path: Path, closed: str
) -> None:
    with server(tmp_path, subprocess.DEVNULL, f"exec {closed}") as (process, client):
        for _ in range(20):
            assert client.get("/v1/nothing-here").status_code == 404
        where = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        assert where[2] == "/dev/null"
        assert not any(str(tmp_path) in place for place in where)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0


def test_a_command_says_nothing_and_has_its_exit_code_where_nobody_can_be_told(tmp_path: Path) -> None:
    told, closed = CommandLine(tmp_path), CommandLine(tmp_path, limits="exec 2>&-")
    assert closed("rm", "no/such-model").returncode == told("rm", "no/such-model").returncode != 0
    assert closed("version").returncode == 0
