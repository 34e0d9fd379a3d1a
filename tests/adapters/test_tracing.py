"""Traces, as a collector of our own receives them over OTLP: one trace from the caller to each stage of a picture."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from benchmarks.checkpoints import tiny
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.adapters.tracing import Tracing
from safelight.contract.requests.trace import below
from safelight.protocol.times import StageSpan, Timings, Work
from safelight.service.ports.telemetry import Answered, Drawn
from tests.cli.conftest import CommandLine
from tests.clients.process import serving
from tests.e2e.drawing import wait_until
from tests.web_server import Handler, WebServer, answering

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STAGES = {"encode_prompt": 0.125, "denoise": 0.5, "decode": 0.25}
# Another picture had turns among its steps.
WORK = (
    StageSpan("encode_prompt", 1_800_000_000.0, 1_800_000_000.125, 0.125),
    StageSpan("denoise", 1_800_000_000.125, 1_800_000_001.125, 0.5),
    StageSpan("decode", 1_800_000_001.0, 1_800_000_001.25, 0.25),
)


_TOLD = ("service.name", "host.name", "process.pid", "safelight.device")


class Collector(WebServer):
    """Takes what an exporter sends."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.spans: list[Any] = []
        self.by_resource: list[tuple[Any, Any]] = []
        self.paths: set[str] = set()

    def named(self, name: str) -> Any:
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def resources(self, name: str) -> list[dict[str, Any]]:
        """Who sent each span of that name, without what the library says of itself."""
        return [
            {key: value for key, value in attributes(resource).items() if key in _TOLD}
            for resource, span in self.by_resource
            if span.name == name
        ]


class _Handler(Handler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        server.paths.add(self.path)
        for sender in sent.resource_spans:
            for span in (span for scope in sender.scope_spans for span in scope.spans):
                server.spans.append(span)
                server.by_resource.append((sender.resource, span))
        self.send_response(200)
        self.end_headers()


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    with answering(collector):
        yield collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
async def tracing(collector: Collector) -> AsyncIterator[Tracing]:
    tracing = Tracing(PrometheusTelemetry(), collector.url)
    yield tracing
    await tracing.close()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def drawn(outcome: str = "finished", **fields: Any) -> Drawn:
    """A picture that was asked for 3 seconds ago, a second of which it waited for its turn."""
    timings = Timings(wait=0.0625, stages=STAGES, image_encode=0.03125) if outcome == "finished" else None
    usual: dict[str, Any] = {
        "model": "postcard",
        "outcome": outcome,
        "queue_seconds": 1.0,
        "timings": timings,
        "seconds": 3.0,
    }
    return Drawn(**usual | fields)


def answered(status: int = 200, **fields: Any) -> Answered:
    route = "/v1/images/generations"
    return Answered(route=route, method="POST", status=status, seconds=2.0, request_id="req_1", **fields)


async def test_a_request_its_picture_and_each_stage_are_one_trace_below_the_callers(
    collector: Collector, tracing: Tracing
) -> None:
    span = below(CALLER, "vendor=a")
    tracing.note(drawn(work=Work(host="gpu-7", process=42, device="cuda:0", stages=WORK), trace=span))
    tracing.note(answered(traceparent=CALLER, trace=span))
    await tracing.close()
    assert collector.paths == {"/v1/traces"}
    server, picture = collector.named("POST /v1/images/generations"), collector.named("generate_image postcard")
    assert {each.trace_id.hex() for each in collector.spans} == {CALLER.split("-")[1]}
    assert {each.trace_state for each in collector.spans} == {"vendor=a"}
    assert server.parent_span_id.hex() == CALLER.split("-")[2]
    assert server.span_id.hex() == span.traceparent.split("-")[2]
    assert picture.parent_span_id == server.span_id
    assert server.end_time_unix_nano - server.start_time_unix_nano == 2_000_000_000
    assert attributes(server)["http.response.status_code"] == 200
    told = attributes(picture)
    assert (told["gen_ai.operation.name"], told["gen_ai.request.model"]) == ("generate_image", "postcard")
    assert told["safelight.wait_seconds"] == 0.0625
    assert picture.end_time_unix_nano - picture.start_time_unix_nano == 3_000_000_000
    queue = collector.named("queue")
    assert (queue.parent_span_id, queue.start_time_unix_nano) == (picture.span_id, picture.start_time_unix_nano)
    assert queue.end_time_unix_nano - queue.start_time_unix_nano == 1_000_000_000


async def test_a_stage_is_the_workers_by_its_clock_and_names_it(collector: Collector, tracing: Tracing) -> None:
    tracing.note(drawn(work=Work(host="gpu-7", process=42, device="cuda:0", stages=WORK)))
    tracing.note(drawn(work=Work(host="gpu-8", process=43, device="cpu", stages=WORK[:1])))
    await tracing.close()
    assert (
        collector.resources("generate_image postcard")
        == [{"service.name": "safelight", "host.name": socket.gethostname(), "process.pid": os.getpid()}] * 2
    )
    worker = {"service.name": "safelight-worker", "host.name": "gpu-7", "process.pid": 42, "safelight.device": "cuda:0"}
    other = {"service.name": "safelight-worker", "host.name": "gpu-8", "process.pid": 43, "safelight.device": "cpu"}
    assert collector.resources("encode_prompt") == [worker, other]
    first, _ = (each for each in collector.spans if each.name == "generate_image postcard")
    for stage in WORK[1:]:
        span = collector.named(stage.stage)
        assert collector.resources(stage.stage) == [worker]
        assert span.parent_span_id == first.span_id
        assert (span.start_time_unix_nano, span.end_time_unix_nano) == (stage.begun * 1e9, stage.ended * 1e9)
        assert attributes(span)["safelight.active_seconds"] == stage.active


async def test_the_picture_of_a_job_is_below_the_request_that_asked_for_it_whoever_draws_it(
    collector: Collector, tracing: Tracing
) -> None:
    """This process has seen no such request."""
    span = below(CALLER, "vendor=a")
    tracing.note(drawn("internal_error", trace=span))
    await tracing.close()
    picture = collector.named("generate_image postcard")
    assert (picture.trace_id.hex(), picture.parent_span_id.hex()) == tuple(span.traceparent.split("-")[1:3])
    assert picture.trace_state == "vendor=a"
    assert attributes(picture)["error.type"] == "internal_error"
    assert picture.status.code == 2


async def test_each_line_of_a_batch_is_a_trace_with_a_link_to_the_request(
    collector: Collector, tracing: Tracing
) -> None:
    span = below(CALLER, "vendor=a")
    for _ in range(2):
        tracing.note(drawn(trace=span, of_many=True))
    tracing.note(drawn(of_many=True))
    await tracing.close()
    *linked, alone = (each for each in collector.spans if each.name == "generate_image postcard")
    assert len({CALLER.split("-")[1], *(each.trace_id.hex() for each in (*linked, alone))}) == 4
    assert {each.parent_span_id for each in (*linked, alone)} == {b""}
    for each in linked:
        (link,) = each.links
        assert (link.trace_id.hex(), link.span_id.hex()) == tuple(span.traceparent.split("-")[1:3])
    assert list(alone.links) == [], "made before traces were kept"


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
async def test_a_head_that_says_no_trace_begins_one(collector: Collector, tracing: Tracing, traceparent: str) -> None:
    tracing.note(answered(status=500, traceparent=traceparent))
    await tracing.close()
    span = collector.named("POST /v1/images/generations")
    assert span.parent_span_id == b""
    assert span.status.code == 2


async def test_what_the_caller_does_not_record_is_not_sent(collector: Collector, tracing: Tracing) -> None:
    caller = CALLER.removesuffix("01") + "00"
    span = below(caller, "")
    tracing.note(drawn(trace=span, work=Work(host="gpu-7", process=42, device="cuda:0", stages=WORK)))
    tracing.note(answered(traceparent=caller, trace=span))
    await tracing.close()
    assert collector.spans == []


def test_without_the_setting_nothing_of_it_is_imported() -> None:
    code = "import safelight.bootstrap.serve, sys; print([name for name in sys.modules if 'opentelemetry' in name])"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert ran.stdout.strip() == "[]"


def test_a_real_server_sends_the_trace_of_a_picture_and_no_prompt(collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, tracing=collector.url) as served:
        body = {"model": "postcard", "prompt": "an unmistakable heron"}
        headers = {"authorization": f"Bearer {served.key}", "traceparent": CALLER}
        answer = httpx.post(f"{served.url}/v1/images/generations", json=body, headers=headers, timeout=300)
        assert answer.status_code == 200
        _, trace_id, span_id, _ = answer.headers["traceparent"].split("-")
        begun = httpx.get(f"{served.url}/version", timeout=300).headers["traceparent"].split("-")
    server = collector.named("POST /v1/images/generations")
    assert (server.trace_id.hex(), server.span_id.hex()) == (trace_id, span_id), "the answer names its span"
    own = collector.named("GET /version")
    assert (own.trace_id.hex(), own.span_id.hex()) == (begun[1], begun[2])
    picture = collector.named("generate_image postcard")
    assert picture.trace_id.hex() == CALLER.split("-")[1]
    assert "heron" not in str(collector.spans)
    assert served.key not in str(collector.spans)


def accepted(url: str, key: str) -> httpx.Response:
    """A job that is asked for within a trace."""
    headers = {
        "authorization": f"Bearer {key}",
        "traceparent": CALLER,
        "tracestate": "vendor=a",
        "prefer": "respond-async",
    }
    body = {"model": "postcard", "prompt": "an unmistakable heron"}
    answer = httpx.post(f"{url}/v1/images/generations", json=body, headers=headers, timeout=300)
    assert answer.status_code == 202, answer.text
    return answer


def test_a_job_that_another_process_draws_is_in_the_trace_of_the_request(collector: Collector, tmp_path: Path) -> None:
    """The first server is killed while it draws, and the second one takes its state over."""
    with serving(tmp_path, tracing=collector.url, fake_step_seconds="60", exit_status=-signal.SIGKILL) as first:
        asked = accepted(first.url, first.key)
        first.process.kill()
    with serving(tmp_path, tracing=collector.url) as second:
        headers = {"authorization": f"Bearer {second.key}"}
        events = httpx.get(f"{second.url}/v1/jobs/{asked.json()['id']}/events", headers=headers, timeout=300)
        assert '"state":"finished"' in events.text  # they end when it ends
    picture = collector.named("generate_image postcard")
    _, trace_id, span_id, _ = asked.headers["traceparent"].split("-")
    assert (picture.trace_id.hex(), picture.parent_span_id.hex()) == (trace_id, span_id)
    assert trace_id == CALLER.split("-")[1]
    assert picture.trace_state == "vendor=a"
    assert collector.resources("generate_image postcard")[0]["process.pid"] == second.process.pid
    assert "heron" not in str(collector.spans)


def test_lines_of_a_batch_are_linked_to_the_request_that_made_it(collector: Collector, tmp_path: Path) -> None:
    with serving(tmp_path, tracing=collector.url) as served:
        headers = {"authorization": f"Bearer {served.key}"}
        with httpx.Client(base_url=served.url, headers=headers, timeout=300) as client:
            line = {"custom_id": "a", "method": "POST", "url": "/v1/images/generations"}
            content = json.dumps(line | {"body": {"model": "postcard", "prompt": "a heron"}})
            file = client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)}).json()
            made = {"input_file_id": file["id"], "endpoint": line["url"], "completion_window": "24h"}
            batch = client.post("/v1/batches", json=made, headers={"traceparent": CALLER})
            assert batch.status_code == 200, batch.text
            told = f"/v1/batches/{batch.json()['id']}"
            wait_until(lambda: client.get(told).json()["status"] == "completed")
    (link,) = collector.named("generate_image postcard").links
    assert (link.trace_id.hex(), link.span_id.hex()) == tuple(batch.headers["traceparent"].split("-")[1:3])
    assert link.trace_id.hex() == CALLER.split("-")[1]


def test_a_worker_is_given_the_trace_and_its_log_names_it(collector: Collector, tmp_path: Path) -> None:
    """A prompt that is cut is a line in the log of the worker, which is a process of its own."""
    folder = tiny.save("stable-diffusion", tmp_path / "tiny")
    models = {"SAFELIGHT_MODELS": json.dumps({"tiny": {"source": str(folder)}}), "SAFELIGHT_LOG_FORMAT": "json"}
    variables = {"SAFELIGHT_TRACING": collector.url, "SAFELIGHT_WARM_UP_SECONDS": "0", "SAFELIGHT_API_KEY": "sl-key"}
    safelight = CommandLine(tmp_path, models | variables)
    process = safelight.start("serve", "--port", "0", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        url = next(line for line in lines if "Safelight serves " in line).split("Safelight serves ")[1].split()[0]
        body = {"model": "tiny", "prompt": " ".join(["abc"] * 30), "size": "64x64", "steps": 2}
        headers = {"authorization": "Bearer sl-key", "traceparent": CALLER, "x-request-id": "mine"}
        answer = httpx.post(f"{url}/v1/images/generations", json=body, headers=headers, timeout=300)
        assert answer.status_code == 200, answer.text
        said = next(line for line in lines if "was cut" in line)
    finally:
        process.terminate()
        process.communicate(timeout=300)
    picture, denoise = collector.named("generate_image tiny"), collector.named("denoise")
    assert denoise.parent_span_id == picture.span_id
    assert picture.start_time_unix_nano < denoise.start_time_unix_nano < denoise.end_time_unix_nano
    assert denoise.end_time_unix_nano < picture.end_time_unix_nano
    (worker,) = collector.resources("denoise")
    assert (worker["service.name"], worker["safelight.device"]) == ("safelight-worker", "cpu")
    assert worker["process.pid"] not in (process.pid, os.getpid())
    assert json.loads(said)["event"] == "worker_log"
    assert f"(request mine, trace {CALLER.split('-')[1]}): `prompt` was cut" in json.loads(said)["line"]
