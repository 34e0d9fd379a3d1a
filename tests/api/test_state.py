"""How the server stands, for admin keys; and metrics that name the request behind a number."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.contract.requests.trace import below
from safelight.service.ports.telemetry import Answered, Drawn, Standing
from tests.api.conftest import Running, Serve, until

OPEN_METRICS = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


@pytest.mark.one_process("the state is that of the server that was asked")
async def test_the_state_tells_queue_workers_models_and_keys(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine, kept=True)
    (key,) = await running.services.keys.all()
    assert (await running.client.get("/v1/state")).status_code == 403
    await running.services.keys.administration.change(key.id, {"admin": True}, "cli:test")
    asking = asyncio.create_task(running.draw())
    await until(lambda: engine.state().running == 1)
    state = (await running.client.get("/v1/state")).json()
    assert (state["queue"]["running"], state["jobs"], state["servers"]) == (1, {"waiting": 0, "running": 0}, 1)
    assert [model["status"] for model in state["models"]] == ["ready", "ready"]
    assert [worker["number"] for worker in state["workers"]] == [0]
    (under_way,) = state["keys"]
    assert (under_way["key_id"], under_way["name"]) == (key.id, "test")
    engine.gate.set()
    assert (await asking).status_code == 200


async def test_whoever_asks_for_open_metrics_is_told_which_request_a_number_is_of(running: Running) -> None:
    answer = await running.draw()
    request_id = answer.headers["x-request-id"]
    plain = await running.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert request_id not in plain.text
    told = await running.client.get("/metrics", headers=OPEN_METRICS)
    assert told.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    parsed = text_string_to_metric_families(told.text)  # type: ignore[no-untyped-call] # the library's own lack
    families = {family.name: family for family in parsed}
    for name in ("safelight_drawings", "safelight_stage_seconds", "safelight_request_seconds"):
        exemplars = [sample.exemplar for sample in families[name].samples if sample.exemplar]
        assert request_id in {exemplar.labels["request_id"] for exemplar in exemplars}, name


def exemplars_of(telemetry: PrometheusTelemetry, name: str) -> list[dict[str, str]]:
    parsed = text_string_to_metric_families(telemetry.render(True).decode())  # type: ignore[no-untyped-call]
    (family,) = [family for family in parsed if family.name == name]
    return [sample.exemplar.labels for sample in family.samples if sample.exemplar]


def test_with_tracing_a_number_names_its_trace_and_what_is_not_recorded_its_request() -> None:
    telemetry = PrometheusTelemetry()
    recorded, not_recorded = below("", ""), below(f"00-{'a' * 32}-{'b' * 16}-00", "")
    asked = Answered(route="/v1/images/generations", method="POST", status=200, seconds=0.5, request_id="req_1")
    telemetry.note(msgspec.structs.replace(asked, trace=recorded))
    assert exemplars_of(telemetry, "safelight_request_seconds") == [{"trace_id": recorded.trace_id}]
    telemetry.note(msgspec.structs.replace(asked, trace=not_recorded))
    assert exemplars_of(telemetry, "safelight_request_seconds") == [{"request_id": "req_1"}]
    drawn = Drawn(model="m", outcome="finished", queue_seconds=0.1, timings=None, request_id="req_2", trace=recorded)
    telemetry.note(drawn)
    assert exemplars_of(telemetry, "safelight_drawings") == [{"trace_id": recorded.trace_id}]
    telemetry.note(msgspec.structs.replace(drawn, of_many=True))
    assert exemplars_of(telemetry, "safelight_drawings") == [{"request_id": "req_2"}]


async def test_a_callers_own_id_that_is_too_long_to_be_told_is_left_out(running: Running) -> None:
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    long = "x" * 128
    answer = await running.client.post("/v1/images/generations", json=body, headers={"x-request-id": long})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, long)
    assert long not in (await running.client.get("/metrics", headers=OPEN_METRICS)).text


def test_an_accelerators_memory_and_use_are_told_by_worker_and_goes_with_it() -> None:
    telemetry = PrometheusTelemetry()
    now = Standing(
        models={},
        model_bytes={},
        workers=2,
        draining=False,
        jobs_waiting=0,
        jobs_running=0,
        files_bytes=0,
        files_budget_bytes=0,
    )
    worker = (1, "cuda:1")
    telemetry.note(msgspec.structs.replace(now, device_bytes={worker: 5 * 10**9}, device_percent={worker: 75}))
    told = telemetry.render().decode()
    assert 'safelight_device_memory_bytes{device="cuda:1",worker="1"} 5e+09' in told
    assert 'safelight_device_utilization_ratio{device="cuda:1",worker="1"} 0.75' in told
    telemetry.note(now)
    assert "safelight_device_memory_bytes{" not in telemetry.render().decode()
    assert "safelight_device_utilization_ratio{" not in telemetry.render().decode()
