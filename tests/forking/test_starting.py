"""A process of ours that is forked is one as if it had been started, and is not forked where that could differ."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from execnet.gateway_io import popen_bootstrapline

from tests.cli.conftest import CommandLine, safelight
from tests.clients.process import serving
from tests.forking.asked import PYTEST
from tests.forking.starting import anew, forked

__all__ = ["safelight"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where alone processes are forked")


def was_forked(safelight: CommandLine, **variables: str) -> bool:
    """Whether `safelight version` was."""
    before = forked()
    ran = safelight("version", **variables)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("safelight ")
    return forked() > before


def test_a_command_is_forked_and_says_and_does_what_one_that_is_started_does(tmp_path: Path) -> None:
    lines = [CommandLine(tmp_path / name, {"COLUMNS": "77"}) for name in ("one", "two")]
    for line in lines:
        line.folder.mkdir()
    asked: tuple[tuple[str, ...], ...] = (
        ("config", "show"),
        ("keys", "create", "--json"),
        ("nonsense",),
        ("models", "-h"),
    )
    before = forked()
    ran = [lines[0](*command) for command in asked]
    assert forked() == before + len(asked)
    with anew():
        started = [lines[1](*command) for command in asked]
    assert forked() == before + len(asked)
    assert [each.returncode for each in ran] == [each.returncode for each in started] == [0, 0, 2, 0]
    for number in (2, 3):
        assert (ran[number].stdout, ran[number].stderr) == (started[number].stdout, started[number].stderr)
    assert str(lines[0].home) in ran[0].stdout
    assert ran[0].stdout.replace(str(lines[0].home), str(lines[1].home)) == started[0].stdout
    assert set(json.loads(ran[1].stdout)) == set(json.loads(started[1].stdout))
    assert sorted(os.listdir(lines[0].home)) == sorted(os.listdir(lines[1].home))


def test_a_server_is_a_child_with_its_own_words_variables_and_folder(tmp_path: Path) -> None:
    before = forked()
    with serving(tmp_path, drain_seconds="7") as served:
        process = psutil.Process(served.process.pid)
        assert forked() == before + 1
        assert process.ppid() == os.getpid()
        assert process.cmdline()[:7] == [sys.executable, "-P", "-m", "safelight", "serve", "--engine", "fake"]
        assert process.environ()["SAFELIGHT_DRAIN_SECONDS"] == "7"
        assert process.cwd() == str(tmp_path)
        inherited = {each.path for each in psutil.Process().open_files()} & {each.path for each in process.open_files()}
        assert inherited == set()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_signals_reach_it_and_how_it_ended_is_told(tmp_path: Path, number: signal.Signals) -> None:
    ended = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 0, signal.SIGINT: 0}[number]
    with serving(tmp_path, exit_status=ended) as served:
        served.process.send_signal(number)
        assert served.process.wait(300) == ended


def test_words_come_in_by_standard_input_and_a_pipe_that_nobody_reads_is_no_fault(safelight: CommandLine) -> None:
    before = forked()
    with safelight.started("models", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert forked() == before + 1
    assert process.returncode in (0, 1)


def test_what_is_read_as_a_process_starts_or_imports_has_it_started(safelight: CommandLine) -> None:
    assert was_forked(safelight)
    assert was_forked(safelight, SAFELIGHT_LOG_LEVEL="error", SOMETHING="else")
    for name, value in {"PYTHONWARNINGS": "error", "LC_ALL": "C", "TMPDIR": "/tmp", "RAY_AUTH_MODE": "token"}.items():
        assert not was_forked(safelight, **{name: value}), name


def test_what_a_process_hands_down_has_it_started(safelight: CommandLine) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert not was_forked(safelight)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not was_forked(CommandLine(safelight.folder, limits="ulimit -c 0"))
    assert was_forked(safelight)


def test_another_program_is_started() -> None:
    before = forked()
    subprocess.run([sys.executable, "-P", "-c", "pass"], check=True)
    assert forked() == before


def test_what_xdist_starts_is_what_is_looked_for() -> None:
    assert popen_bootstrapline == PYTEST
