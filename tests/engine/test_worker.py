"""The worker as the api process sees it: a process at the other end of a socket."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from safelight.contract.requests.order import Order
from safelight.engine.worker import EXIT_PROTOCOL
from safelight.protocol.messages import (
    PROTOCOL_VERSION,
    Cancel,
    Cancelled,
    Configure,
    Draw,
    Failed,
    Finished,
    ModelDescribed,
    ModelFailed,
    ModelReady,
    ModelSpec,
    Ping,
    Pong,
    Stepped,
)
from tests.engine import drawing
from tests.engine.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def source(checkpoints: dict[str, Path]) -> str:
    return str(checkpoints["flux"])


def configured(source: str) -> WorkerProcess:
    worker = WorkerProcess()
    models = (ModelSpec(source=source, dtype="float32"), ModelSpec(source="/nowhere/at/all"))
    worker.send(Configure(models=models, device="cpu", threads=1, max_runs=4))
    return worker


@pytest.fixture(scope="module")
def worker(source: str) -> Iterator[WorkerProcess]:
    """One worker for all tests that leave it alive."""
    with configured(source) as worker:
        yield worker


def job(source: str, name: str, **changes: Any) -> Order:
    return drawing.job(ModelSpec(source=source), name, **({"height": 64} | changes))


def finish(worker: WorkerProcess, wanted: Order) -> Finished:
    worker.send(Draw(order=wanted))
    return worker.expect(Finished, lambda event: event.job_id == wanted.id)


def test_it_greets_and_says_how_each_model_fared_and_stays(worker: WorkerProcess, source: str) -> None:
    assert worker.hello.pid == worker.process.pid
    assert worker.hello.version == PROTOCOL_VERSION
    described = worker.expect(ModelDescribed)
    ready = worker.expect(ModelReady)
    failed = worker.expect(ModelFailed)
    assert (ready.source, ready.device, ready.steps) == (source, "cpu", 28)
    assert ready.seconds > 0
    assert (described.source, described.traits.pipeline, described.traits.steps) == (source, "FluxPipeline", 28)
    assert worker.events.index(described) < worker.events.index(ready)
    assert failed == ModelFailed(source="/nowhere/at/all", reason="The model's folder is not there.")
    assert finish(worker, job(source, "after")).fingerprint == ready.fingerprint


def test_a_ping_is_answered_while_a_picture_is_drawn(worker: WorkerProcess, source: str) -> None:
    worker.send(Draw(order=job(source, "long", steps=1000)))
    worker.expect(Stepped, lambda event: event.job_id == "long" and event.step == 2)
    ages: list[float] = []
    for number in itertools.count(41):  # it may be answered between two turns, which tell nothing
        worker.send(Ping(number=number))
        pong = worker.expect(Pong, lambda event, number=number: event.number == number)  # type: ignore[misc]
        assert pong.device_percent in (None, *range(101))
        assert pong.device_percent is None or torch.cuda.is_available()
        ages += [age.seconds for age in pong.stages if age.stage == "turn"]
        if ages:
            break
    assert 0 <= ages[0] < 60
    steps = [event.step for event in worker.events if isinstance(event, Stepped) and event.job_id == "long"]
    assert max(steps) < 1000
    worker.send(Cancel(job_id="long"))
    worker.expect(Cancelled, lambda event: event.job_id == "long")


def test_a_cancelled_job_ends_early_and_the_next_is_drawn(worker: WorkerProcess, source: str) -> None:
    worker.send(Draw(order=job(source, "doomed", steps=1000)))
    worker.expect(Stepped, lambda event: event.job_id == "doomed")
    worker.send(Cancel(job_id="doomed"), Cancel(job_id="never heard of"))
    worker.expect(Cancelled, lambda event: event.job_id == "doomed")
    assert finish(worker, job(source, "next")).image


def test_a_job_for_a_model_that_failed_fails(worker: WorkerProcess) -> None:
    worker.send(Draw(order=job("/nowhere/at/all", "hopeless")))
    failed = worker.expect(Failed)
    assert failed == Failed(job_id="hopeless", reason="The model's folder is not there.", retry_helps=False)


def test_the_bytes_are_the_same_alone_in_company_and_after_a_kill_by_another_worker(source: str) -> None:
    wanted = job(source, "wanted", steps=100)
    with configured(source) as first:
        by_itself = finish(first, wanted)
        others = [job(source, f"other-{i}", seed=i + 1, prompt="dog " * i) for i in range(7)]
        first.send(*(Draw(order=each) for each in (*others[:3], wanted, *others[3:])))
        assert first.expect(Finished, lambda event: event.job_id == "wanted").image == by_itself.image
        long = [job(source, f"long-{i}", steps=1000) for i in range(3)]  # so that it is not done before the kill
        first.send(*(Draw(order=each) for each in (*long, wanted)))
        first.expect(Stepped, lambda event: event.job_id == "wanted" and event.step == 2)
        os.kill(first.process.pid, signal.SIGKILL)
        with pytest.raises(EOFError):
            first.expect(Finished, lambda event: event.job_id == "wanted")
    with configured(source) as second:
        again = finish(second, wanted)
    assert (again.image, again.fingerprint) == (by_itself.image, by_itself.fingerprint)


def test_it_ends_at_once_when_the_socket_ends_even_while_drawing(source: str) -> None:
    worker = configured(source)
    worker.send(Draw(order=job(source, "long", steps=1000, prompt="a secret prompt")))
    worker.expect(Stepped)
    status, log = worker.end()
    assert status == 0
    assert "secret" not in log


def test_frames_that_are_not_ours_end_it_with_a_reason() -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05hello"):
        worker = WorkerProcess()
        worker.socket.sendall(garbage)
        with pytest.raises(EOFError):
            worker.receive()
        status, log = worker.end()
        assert status == EXIT_PROTOCOL
        assert "frame" in log


def test_a_job_before_the_configuration_and_a_second_configuration_are_refused() -> None:
    early = WorkerProcess()
    early.send(Draw(order=job("any", "early")))
    with pytest.raises(EOFError):
        early.receive()
    assert early.end()[0] == EXIT_PROTOCOL
    twice = WorkerProcess()
    twice.send(Configure(models=()), Configure(models=()))
    with pytest.raises(EOFError):
        twice.receive()
    assert twice.end()[0] == EXIT_PROTOCOL


def test_ctrl_c_is_left_to_the_api_process_and_sigterm_ends_it() -> None:
    worker = WorkerProcess()
    os.kill(worker.process.pid, signal.SIGINT)
    worker.send(Ping(number=1))
    assert worker.expect(Pong).number == 1
    os.kill(worker.process.pid, signal.SIGTERM)
    with pytest.raises(EOFError):
        worker.receive()
    assert worker.end()[0] == 0
