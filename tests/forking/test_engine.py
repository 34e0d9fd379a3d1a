"""What draws is forked with its libraries imported where these are what its models and workers want, and only there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from safelight.adapters.processes.children import child_environment, python_module
from safelight.contract.models.options import ModelOptions
from safelight.protocol.forking import Fork, Forked
from safelight.protocol.frames import read_fork_report, to_packet
from safelight.protocol.messages import Configure, ModelSpec
from tests.clients.process import serving
from tests.e2e.drawing import wait_until, wait_until_ready, workers
from tests.engine.worker_process import WorkerProcess
from tests.forking.starting import forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where alone processes are forked")


@contextmanager
def configured(configure: Configure) -> Iterator[tuple[int, socket.socket]]:
    """A template of workers that is told that, and its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = forked()
    with ours, theirs:
        command = python_module("safelight.engine.template", "--fd", str(theirs.fileno()))
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=child_environment(), start_new_session=True)
        assert forked() == before + 1
        with process:
            ours.send(to_packet(configure))
            yield process.pid, ours
            process.kill()


def began_anew(pid: int) -> bool:
    """Whether it has run `exec`: what was forked has the room for words that its template had."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"safelight.engine.template" in words and not words.endswith(b"\0\0")


def test_what_draws_postcard_has_its_libraries_at_once() -> None:
    with configured(Configure(models=(ModelSpec(source="postcard"),), device="cpu")) as (pid, control):
        socket.send_fds(control, [to_packet(Fork())], [control.fileno(), 2])
        assert isinstance(read_fork_report(control.recv(4096)), Forked)
        assert not began_anew(pid)


@pytest.mark.parametrize(
    "configure",
    [
        Configure(models=(ModelSpec(source="postcard", options=ModelOptions(compile=True)),), device="cpu"),
        Configure(models=(ModelSpec(source="postcard"),), device="cpu", workers=1000),
    ],
    ids=["a model that is compiled", "threads that may not spin"],
)
def test_what_needs_other_libraries_or_threads_begins_anew(configure: Configure) -> None:
    with configured(configure) as (pid, _):
        wait_until(lambda: began_anew(pid))


def test_what_a_server_starts_to_draw_is_forked_as_its_own_child(tmp_path: Path) -> None:
    before = forked()
    with serving(tmp_path, engine="local", workers="1", threads="1") as served:
        wait_until_ready(served)
        assert forked() == before + 1
        server, (worker,) = psutil.Process(served.process.pid), workers(served)
        template = worker.parent()
        assert template is not None
        assert not began_anew(template.pid)
        assert [process.pid for process in template.parents()[:2]] == [server.pid, os.getpid()]
        assert server.cmdline()[:7] == [sys.executable, "-P", "-m", "safelight", "serve", "--engine", "local"]
        assert server.environ()["SAFELIGHT_WORKERS"] == "1"
        assert "ROOM" not in server.environ()
        assert not [mapped.path for mapped in server.memory_maps() if "torch" in mapped.path]
        started = server.children(recursive=True)
    assert psutil.wait_procs(started, 300)[1] == []


def test_a_worker_that_needs_more_than_was_imported_says_so_and_ends() -> None:
    with WorkerProcess() as worker:
        models = (ModelSpec(source="postcard", options=ModelOptions(compile=True)),)
        worker.send(Configure(models=models, device="cpu", threads=1))
        with pytest.raises(EOFError):
            worker.receive()
        status, said = worker.end()
    assert status == 1
    assert "with anew()" in said
