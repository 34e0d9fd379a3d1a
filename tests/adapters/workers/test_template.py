"""Workers that are forked from a template: what they are, that they come back, and when nothing is forked."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.workers.pool import LocalWorkers
from safelight.adapters.workers.processes.template import NoFork, Template, may_fork
from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.protocol.forking import CannotFork, Fork, ForkReport
from safelight.protocol.frames import read_fork_report, to_packet
from safelight.protocol.messages import Configure, Finished, ModelSpec
from tests.adapters.workers.test_pool import job, to_the_end

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: workers are forked there alone"),
]
CONFIGURE = Configure(models=(ModelSpec(source="postcard"),), device="cpu", threads=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[LocalWorkers]:
    running = LocalWorkers(CONFIGURE, count=2, telemetry=PrometheusTelemetry(), first_pause_seconds=0.01)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("PPid:")[2].split()[0])


async def until(workers: LocalWorkers, wanted: Callable[[], bool]) -> None:
    while not wanted():
        await workers.changed()


async def drawn(workers: LocalWorkers, name: str) -> bytes:
    end = await to_the_end(workers.submit(job("postcard", name)))
    assert isinstance(end, Finished), end
    return end.image


async def test_workers_are_forked_from_one_template_which_has_one_thread(workers: LocalWorkers) -> None:
    first = await drawn(workers, "first")
    await until(workers, lambda: len(workers.pids) == 2)
    (template,) = {parent_of(pid) for pid in workers.pids}
    assert template != os.getpid()
    assert os.listdir(f"/proc/{template}/task") == [str(template)]
    assert await drawn(workers, "second") == first


async def test_a_killed_worker_is_forked_again_and_draws_the_same(workers: LocalWorkers) -> None:
    before = await drawn(workers, "before")
    await until(workers, lambda: len(workers.pids) == 2)
    killed, template = workers.pids[0], parent_of(workers.pids[0])
    os.kill(killed, signal.SIGKILL)
    await until(workers, lambda: killed not in workers.pids and len(workers.pids) == 2)
    assert {parent_of(pid) for pid in workers.pids} == {template}
    assert await drawn(workers, "after") == before


async def test_a_template_that_dies_takes_its_workers_along_and_is_started_again(workers: LocalWorkers) -> None:
    before = await drawn(workers, "one")
    await until(workers, lambda: len(workers.pids) == 2)
    old, template = set(workers.pids), parent_of(workers.pids[0])
    os.kill(template, signal.SIGKILL)
    await until(workers, lambda: len(workers.pids) == 2 and not old & set(workers.pids))
    assert template not in {parent_of(pid) for pid in workers.pids}
    assert await drawn(workers, "two") == before


async def test_a_template_that_is_stuck_holds_up_neither_a_worker_nor_the_end() -> None:
    begun, (ours, theirs) = TemplateProcess(CONFIGURE), socket.socketpair()
    os.kill(begun.pid, signal.SIGSTOP)  # as an import from a disk that hangs, before it is asked for anything
    template = Template(CONFIGURE, patience_seconds=2.0, begun=begun)
    with ours, theirs:
        with pytest.raises(NoFork, match="did not answer for 2 s"):
            await template.fork(theirs, 2)
        await template.close()
    assert begun.has_ended


async def test_a_template_that_was_begun_before_forks_the_workers() -> None:
    begun, (ours, theirs) = TemplateProcess(CONFIGURE), socket.socketpair()
    template = Template(CONFIGURE, begun=begun)
    with ours, theirs:
        worker = await template.fork(theirs, 2)
        assert parent_of(worker.pid) == begun.pid
        begun.end()  # it was taken: nothing happens
        assert not begun.has_ended
        await template.close()
    assert begun.has_ended


async def test_a_begun_template_that_has_died_since_is_followed_by_another() -> None:
    begun, (ours, theirs) = TemplateProcess(CONFIGURE), socket.socketpair()
    begun.kill()
    await begun.wait()
    workers = LocalWorkers(CONFIGURE, count=1, telemetry=PrometheusTelemetry(), first_pause_seconds=0.01, begun=begun)
    await workers.start()
    try:
        with ours, theirs:
            assert await drawn(workers, "all the same")
    finally:
        await workers.stop()


_WITH_A_THREAD = """
import socket, sys, threading
from safelight.engine.template import Template
threading.Thread(target=threading.Event().wait, daemon=True).start()
Template(socket.socket(fileno=int(sys.argv[1]))).serve()
"""


def answer_of_one_with_a_thread() -> ForkReport:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", _WITH_A_THREAD, str(theirs.fileno())]
    with ours, theirs, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        socket.send_fds(ours, [to_packet(Fork())], [theirs.fileno(), theirs.fileno()])
        answer = read_fork_report(ours.recv(4096))
        process.kill()
    return answer


async def test_a_template_with_a_second_thread_refuses_to_fork() -> None:
    answer = await asyncio.to_thread(answer_of_one_with_a_thread)
    assert answer == CannotFork(reason="the template has 2 threads and was given 2 files")


async def test_nothing_is_forked_where_an_accelerator_may_have_been_asked_for() -> None:
    assert may_fork(Configure(models=(), device="cpu"))
    assert not may_fork(Configure(models=(), device="cuda"))
    assert not may_fork(Configure(models=(), device="mps"))
