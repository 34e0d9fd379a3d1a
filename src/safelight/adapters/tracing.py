"""Traces by OpenTelemetry, made of the facts that the metrics are made of. An extra: nothing imports this without the
setting `tracing`.

A request is a span of the server, in the caller's trace where its head says one (W3C Trace Context). Each picture is a
span below it, with the conventions for generative AI, and each of its stages is one below that: as its worker measured
it, by the worker's clock, and with the worker as its resource.

The picture of a job is below the request that asked for it, too, whoever draws it and when: that is one message for
one picture, and whoever looks at the trace wants to see what became of it. A batch is one request for up to 50,000
pictures, which no trace should hold: each is a trace of its own with a link to the request, as OpenTelemetry's
conventions for messaging have it.
"""

# Tested in tests/adapters/test_tracing.py.

from __future__ import annotations

import asyncio
import os
import socket
import time
from functools import lru_cache
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from safelight import __version__
from safelight.contract.requests.trace import TraceContext
from safelight.protocol.times import Work
from safelight.service.ports.telemetry import Answered, Drawn, Fact, Telemetry

# Workers that are known as resources. One that comes after so many others is made known again.
_MOST_WORKERS = 256
_NANO = 1_000_000_000


class _Ids(RandomIdGenerator):
    """Random ids; but of the span that an answer has named already, those that it named."""

    told = ""

    def generate_span_id(self) -> int:
        told, self.told = self.told, ""
        return int(told.split("-")[2], 16) if told else super().generate_span_id()

    def generate_trace_id(self) -> int:
        return int(self.told.split("-")[1], 16) if self.told else super().generate_trace_id()


class Tracing:
    """A `Telemetry` that makes spans of what it is told, and tells it on. Spans are sent in batches by a thread."""

    def __init__(self, telemetry: Telemetry, endpoint: str, exporter: SpanExporter | None = None) -> None:
        """`endpoint` is the collector's address, like http://127.0.0.1:4318."""
        self._telemetry = telemetry
        self._ids = _Ids()
        self._sending = BatchSpanProcessor(exporter or OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
        self._tracer = self._tracer_of({"service.name": "safelight"} | _process(socket.gethostname(), os.getpid()))
        self._of_worker = lru_cache(_MOST_WORKERS)(self._tracer_of_worker)

    def note(self, fact: Fact) -> None:
        self._telemetry.note(fact)
        if isinstance(fact, Drawn):
            self._see_drawn(fact, time.time_ns())
        elif isinstance(fact, Answered):
            self._see_answered(fact, time.time_ns())

    async def close(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self._sending.shutdown)

    def _tracer_of(self, resource: dict[str, Any]) -> Tracer:
        """What makes spans of that process; all are sent together."""
        told = Resource.create(resource | {"service.version": __version__})
        provider = TracerProvider(resource=told, id_generator=self._ids, shutdown_on_exit=False)
        provider.add_span_processor(self._sending)
        return provider.get_tracer("safelight", __version__)

    def _tracer_of_worker(self, host: str, process: int, device: str) -> Tracer:
        named = {"service.name": "safelight-worker", "safelight.device": device}
        return self._tracer_of(named | _process(host, process))

    def _see_answered(self, answered: Answered, now: int) -> None:
        self._ids.told = answered.trace.traceparent
        span = self._tracer.start_span(
            f"{answered.method} {answered.route}",
            context=_context(TraceContext(answered.traceparent, answered.trace.tracestate)),
            kind=SpanKind.SERVER,
            start_time=now - int(answered.seconds * _NANO),
            attributes={
                "http.request.method": answered.method,
                "http.route": answered.route,
                "http.response.status_code": answered.status,
                "safelight.request_id": answered.request_id,
            },
        )
        if answered.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)

    def _see_drawn(self, drawn: Drawn, now: int) -> None:
        """The request may not have ended yet, or long ago, in another process: its span has a name from the start."""
        begun, asked = now - int(drawn.seconds * _NANO), _context(drawn.trace)
        asking = trace.get_current_span(asked).get_span_context()
        links = [Link(asking)] if drawn.of_many and asking.is_valid else []
        span = self._tracer.start_span(
            f"generate_image {drawn.model}",
            context=Context() if drawn.of_many else asked,
            links=links,
            start_time=begun,
            attributes={
                "gen_ai.operation.name": "generate_image",
                "gen_ai.provider.name": "safelight",
                "gen_ai.request.model": drawn.model,
                "gen_ai.output.type": "image",
                "safelight.outcome": drawn.outcome,
            },
        )
        if drawn.outcome != "finished":
            span.set_attribute("error.type", drawn.outcome)
            span.set_status(Status(StatusCode.ERROR))
        below = trace.set_span_in_context(span)
        queued = min(now, begun + int(drawn.queue_seconds * _NANO))
        self._tracer.start_span("queue", context=below, start_time=begun).end(queued)
        if drawn.timings is not None:
            span.set_attribute("safelight.wait_seconds", drawn.timings.wait)
        if drawn.work is not None:
            self._stages(drawn.work, below)
        span.end(now)

    def _stages(self, work: Work, below: Context) -> None:
        """Each from its first turn to its last, by the worker's clock: in between others had turns, so that stages can
        overlap; `safelight.active_seconds` is what this picture took of it."""
        tracer = self._of_worker(work.host, work.process, work.device)
        for stage in work.stages:
            span = tracer.start_span(
                stage.stage,
                context=below,
                start_time=int(stage.begun * _NANO),
                attributes={"safelight.active_seconds": stage.active},
            )
            span.end(int(stage.ended * _NANO))


def _process(host: str, process: int) -> dict[str, Any]:
    return {"host.name": host, "process.pid": process}


def _context(said: TraceContext) -> Context:
    """That span as the context of whatever is below it; an empty one where nothing names a span."""
    carrier = {"traceparent": said.traceparent, "tracestate": said.tracestate}
    return TraceContextTextMapPropagator().extract(carrier, Context())
