"""Traces, as a collector of our own receives them over OTLP: one trace from the caller to each stage of a picture."""

from __future__ import annotations

import gzip
import json
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
from safelight.protocol.times import Timings
from safelight.service.ports.telemetry import Answered, Drawn
from tests.cli.conftest import CommandLine
from tests.clients.process import serving
from tests.web_server import Handler, WebServer, answering

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STAGES = {"encode_prompt": 0.125, "denoise": 0.5, "decode": 0.25}


class Collector(WebServer):
    """Takes what an exporter sends."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.spans: list[Any] = []
        self.paths: set[str] = set()

    def named(self, name: str) -> Any:
        (span,) = [span for span in self.spans if span.name == name]
        return span


class _Handler(Handler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        server.paths.add(self.path)
        server.spans += [
            span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]
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
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def drawn(request_id: str, outcome: str = "finished") -> Drawn:
    timings = Timings(wait=0.0625, stages=STAGES, image_encode=0.03125) if outcome == "finished" else None
    return Drawn(model="postcard", outcome=outcome, queue_seconds=1.0, timings=timings, request_id=request_id)


def answered(request_id: str, status: int = 200, traceparent: str = "") -> Answered:
    route = "/v1/images/generations"
    return Answered(
        route=route, method="POST", status=status, seconds=2.0, request_id=request_id, traceparent=traceparent
    )


async def test_a_request_its_picture_and_each_stage_are_one_trace_below_the_callers(
    collector: Collector, tracing: Tracing
) -> None:
    tracing.note(drawn("req_1"))
    tracing.note(answered("req_1", traceparent=CALLER))
    await tracing.close()
    assert collector.paths == {"/v1/traces"}
    server, picture = collector.named("POST /v1/images/generations"), collector.named("generate_image postcard")
    assert {span.trace_id.hex() for span in collector.spans} == {CALLER.split("-")[1]}
    assert server.parent_span_id.hex() == CALLER.split("-")[2]
    assert picture.parent_span_id == server.span_id
    assert server.end_time_unix_nano - server.start_time_unix_nano == 2_000_000_000
    assert attributes(server)["http.response.status_code"] == 200
    told = attributes(picture)
    assert (told["gen_ai.operation.name"], told["gen_ai.request.model"]) == ("generate_image", "postcard")
    took = {"queue": 1.0, "wait": 0.0625, **STAGES, "image_encode": 0.03125}
    end = picture.start_time_unix_nano
    for name, seconds in took.items():
        stage = collector.named(name)
        assert stage.parent_span_id == picture.span_id
        assert stage.start_time_unix_nano == end, "one after the other"
        end = stage.end_time_unix_nano
        assert end - stage.start_time_unix_nano == int(seconds * 1e9)
    assert end == picture.end_time_unix_nano


async def test_the_picture_of_a_job_is_in_the_trace_of_the_request_that_asked_for_it(
    collector: Collector, tracing: Tracing
) -> None:
    tracing.note(answered("req_1", status=202))
    tracing.note(drawn("req_1", "internal_error"))
    await tracing.close()
    server, picture = collector.named("POST /v1/images/generations"), collector.named("generate_image postcard")
    assert (picture.trace_id, picture.parent_span_id) == (server.trace_id, server.span_id)
    assert attributes(picture)["error.type"] == "internal_error"
    assert picture.status.code == 2


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
async def test_a_head_that_says_no_trace_begins_one(collector: Collector, tracing: Tracing, traceparent: str) -> None:
    tracing.note(answered("req_1", status=500, traceparent=traceparent))
    await tracing.close()
    span = collector.named("POST /v1/images/generations")
    assert span.parent_span_id == b""
    assert span.status.code == 2


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
    assert json.loads(said)["event"] == "worker_log"
    assert f"(request mine, trace {CALLER.split('-')[1]}): `prompt` was cut" in json.loads(said)["line"]
