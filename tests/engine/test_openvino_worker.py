"""A real worker process whose denoiser OpenVINO computes: progress, previews, cancelling, company."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from safelight.contract.models.options import ModelOptions
from safelight.contract.requests.order import Order
from safelight.protocol.messages import (
    Cancel,
    Cancelled,
    Configure,
    Draw,
    Finished,
    Message,
    ModelSpec,
    Preview,
    Stepped,
    Watch,
)
from tests.engine import drawing
from tests.engine.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def spec(checkpoints: dict[str, Path]) -> ModelSpec:
    options = ModelOptions(runtime="openvino")
    return ModelSpec(source=str(checkpoints["stable-diffusion"]), dtype="float32", options=options)


def configured(spec: ModelSpec, measured: Path) -> WorkerProcess:
    worker = WorkerProcess()
    worker.send(Configure(models=(spec,), device="cpu", threads=1, max_runs=4, measured=str(measured)))
    return worker


def job(spec: ModelSpec, name: str, **changes: Any) -> Order:
    return drawing.job(spec, name, **({"width": 128, "height": 96} | changes))


def finish(worker: WorkerProcess, wanted: Order) -> Finished:
    worker.send(Draw(order=wanted))
    return end_of(worker, wanted)


def end_of(worker: WorkerProcess, wanted: Order) -> Finished:
    """Its picture; any other end is said at once."""
    end = worker.expect(Message, lambda event: isinstance(event, drawing.End) and event.job_id == wanted.id)
    assert isinstance(end, Finished), end
    return end


def test_it_draws_as_any_worker(spec: ModelSpec, tmp_path: Path) -> None:
    wanted = job(spec, "wanted", steps=8)
    with configured(spec, tmp_path) as worker:
        finished = finish(worker, wanted)
        steps = [event.step for event in worker.events if isinstance(event, Stepped)]
        assert steps == sorted(steps)
        assert steps[-1] == 8

        doomed = job(spec, "doomed", steps=400)  # previews are learnt from the picture before
        worker.send(Draw(order=doomed), Watch(job_id=doomed.id, longest=64))
        preview = worker.expect(Message, lambda event: isinstance(event, Preview | drawing.End))
        assert isinstance(preview, Preview)
        assert Image.open(io.BytesIO(preview.image)).size == (64, 48)
        others = [job(spec, f"other-{number}", seed=number + 1, width=64) for number in range(2)]
        again = job(spec, "again", steps=8)
        worker.send(*(Draw(order=each) for each in (*others, again)))
        assert end_of(worker, again).image == finished.image
        worker.send(Cancel(job_id=doomed.id))
        worker.expect(Cancelled, lambda event: event.job_id == doomed.id)
    assert [*(tmp_path / "graphs").iterdir()]
