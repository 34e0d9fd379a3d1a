"""Traces by OpenTelemetry, made of the facts that the metrics are made of. An extra: nothing imports this without the
setting `tracing`.

A request is a span of the server, in the caller's trace where its head says one (W3C Trace Context). Each picture is a
span below it, with the conventions for generative AI, and each of its stages, as its worker measured it, is one below
that.
"""

# Tested in tests/adapters/test_tracing.py.

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from safelight import __version__
from safelight.contract.stages import STAGES
from safelight.service.ports.telemetry import Answered, Drawn, Fact, Telemetry

# Requests whose answer has not ended, or whose job is drawn later. What is beyond is told without its request.
_MOST_REQUESTS = 10_000
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
        resource = Resource.create({"service.name": "safelight", "service.version": __version__})
        self._ids = _Ids()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        exporter = exporter or OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("safelight", __version__)
        self._drawn: OrderedDict[str, list[tuple[Drawn, int]]] = OrderedDict()
        self._answered: OrderedDict[str, SpanContext] = OrderedDict()

    def note(self, fact: Fact) -> None:
        self._telemetry.note(fact)
        if isinstance(fact, Drawn):
            self._see_drawn(fact, time.time_ns())
        elif isinstance(fact, Answered):
            self._see_answered(fact, time.time_ns())

    async def close(self) -> None:
        """Send what is left."""
        await asyncio.to_thread(self._provider.shutdown)

    def _see_drawn(self, drawn: Drawn, now: int) -> None:
        """A picture ends before its request does; that of a job comes after."""
        parent = self._answered.get(drawn.request_id)
        if parent is not None:
            self._draw(drawn, now, parent)
            return
        self._drawn.setdefault(drawn.request_id, []).append((drawn, now))
        while len(self._drawn) > _MOST_REQUESTS:
            _, pictures = self._drawn.popitem(last=False)
            for picture, ended in pictures:
                self._draw(picture, ended, None)

    def _see_answered(self, answered: Answered, now: int) -> None:
        pictures = self._drawn.pop(answered.request_id, [])
        carrier = {"traceparent": answered.traceparent, "tracestate": answered.tracestate}
        self._ids.told = answered.told
        span = self._tracer.start_span(
            f"{answered.method} {answered.route}",
            context=TraceContextTextMapPropagator().extract(carrier),
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
        for picture, ended in pictures:
            self._draw(picture, ended, span.get_span_context())
        span.end(now)
        self._answered[answered.request_id] = span.get_span_context()
        if len(self._answered) > _MOST_REQUESTS:
            self._answered.popitem(last=False)

    def _draw(self, drawn: Drawn, ended: int, parent: SpanContext | None) -> None:
        parts = _parts(drawn)
        begun = ended - int(sum(seconds for _, seconds in parts) * _NANO)
        span = self._tracer.start_span(
            f"generate_image {drawn.model}",
            context=_below(parent),
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
        self._stages(parts, begun, span)
        span.end(ended)

    def _stages(self, parts: Sequence[tuple[str, float]], begun: int, picture: Span) -> None:
        """One after the other, each as long as it took: a worker draws several pictures by turns, and `wait` is what
        this one waited between its turns."""
        for name, seconds in parts:
            until = begun + int(seconds * _NANO)
            self._tracer.start_span(name, context=_below(picture.get_span_context()), start_time=begun).end(until)
            begun = until


def _parts(drawn: Drawn) -> list[tuple[str, float]]:
    """The stages of a picture in their order, and the seconds of each."""
    if drawn.timings is None:
        return [("queue", drawn.queue_seconds)]
    timings = drawn.timings
    stages = [(stage, timings.of(stage)) for stage in STAGES if timings.of(stage) > 0]
    return [("queue", drawn.queue_seconds), ("wait", timings.wait), *stages, ("image_encode", timings.image_encode)]


def _below(parent: SpanContext | None) -> Context | None:
    """The context of whoever is below that span."""
    if parent is None:
        return None
    context = SpanContext(parent.trace_id, parent.span_id, is_remote=False, trace_flags=TraceFlags(parent.trace_flags))
    return trace.set_span_in_context(NonRecordingSpan(context))
