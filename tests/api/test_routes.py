"""The other routes (CONTRACT 4)."""

from __future__ import annotations

import asyncio
import os
import signal

import httpx
import pytest
import structlog

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Running, Serve, until


async def test_the_model_list_is_openais_with_capabilities(running: Running) -> None:
    head = (await running.draw()).headers["x-safelight-fingerprint"]
    listed = (await running.client.get("/v1/models")).json()
    assert listed["object"] == "list"
    ultra = next(model for model in listed["data"] if model["id"] == "stable-image-ultra")
    assert (ultra["object"], ultra["drawn_by"], ultra["aliases"]) == ("model", "postcard", ["stability-image-ultra"])
    assert [head.startswith(each) for each in ultra["fingerprints"]] == [True]
    parameters = ultra["capabilities"]["parameters"]
    assert list(parameters) == [
        "model",
        "prompt",
        "aspect_ratio",
        "size",
        "negative_prompt",
        "output_format",
        "seed",
        "allow_ignored_params",
    ]
    assert parameters["seed"] == {
        "type": "integer",
        "required": False,
        "default": 0,
        "minimum": 0,
        "maximum": 2**32 - 1,
    }
    assert (await running.client.get("/v1/models/stable-image-ultra")).json() == ultra
    assert (await running.client.get("/v1/models/stability-image-ultra")).json() == ultra


@pytest.mark.parametrize("path", ["/v1/models/nothing", "/models/nothing"])
async def test_an_unknown_model_is_a_404(running: Running, path: str) -> None:
    response = await running.client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_the_heroku_cli_gets_its_lists(running: Running) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        available = (await anonymous.get("/available-models")).json()
        assert (await anonymous.get("/models/stable-image-ultra")).status_code == 401
    assert {"model_id", "type", "regions"} == set(available[0])
    assert available[0]["type"] == ["text-to-image"]
    info = (await running.client.get("/models/stable-image-ultra")).json()
    assert (info["model_id"], info["ready"]) == ("stable-image-ultra", "Yes")


async def test_health_needs_no_key_and_head_is_answered(running: Running) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        for path in ("/health", "/livez", "/readyz", "/version", "/openapi.json", "/metrics"):
            assert (await anonymous.get(path)).status_code == 200, path
        assert (await anonymous.head("/livez")).status_code == 200


async def test_ready_tells_how_each_model_stands_and_why_one_failed(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    running = await serve(engine=engine)
    loading = await running.client.get("/readyz")
    assert (loading.status_code, loading.json()["error"]["code"]) == (503, "model_loading")
    assert loading.json()["models"] == {"stable-image-ultra": "loading", "postcard": "loading"}
    engine.loaded.set()
    ready = await running.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert "reasons" not in ready.json()


async def test_ready_tells_why_every_model_failed(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="Its weights are torn."))
    failed = await running.client.get("/readyz")
    assert failed.status_code == 503
    assert failed.json()["error"]["message"] == "No model can draw. Its weights are torn."
    assert failed.json()["reasons"]["postcard"] == "Its weights are torn."


async def test_while_what_draws_cannot_be_reached_the_server_is_not_ready_and_whoever_asks_is_told_at_once(
    serve: Serve,
) -> None:
    engine = FakeEngine(("postcard",))
    running = await serve(engine=engine)
    engine.loaded.clear()
    engine.away = "It is cut off."
    assert (await running.client.get("/livez")).status_code == 200
    for answer in (await running.client.get("/readyz"), await running.draw()):
        assert answer.status_code == 503
        assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == ("engine_overloaded", engine.away)
        assert answer.headers["retry-after"] == "5"
    engine.away = ""
    engine.loaded.set()
    assert (await running.client.get("/readyz")).status_code == 200
    assert (await running.draw()).status_code == 200


async def test_options_is_answered_without_a_key(running: Running) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        response = await anonymous.options("/v1/images/generations")
    assert response.status_code == 204
    assert response.headers["allow"] == "POST, OPTIONS"
    assert (await running.client.options("/livez")).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_configured_origins_may_read_the_answers_and_others_not(serve: Serve) -> None:
    running = await serve(cors_origins=("https://app.example",))
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    ours = await running.client.options("/v1/images/generations", headers=preflight | {"origin": "https://app.example"})
    assert ours.headers["access-control-allow-origin"] == "https://app.example"
    assert "authorization" in ours.headers["access-control-allow-headers"]
    theirs = await running.client.options(
        "/v1/images/generations", headers=preflight | {"origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in theirs.headers
    refused = await running.client.get("/nothing", headers={"origin": "https://app.example"})
    assert refused.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.one_process("metrics are of one process")
async def test_metrics_count_what_happened_and_carry_no_prompt(running: Running) -> None:
    await running.draw(prompt="a private boat")
    await running.draw(seed=-1)
    await running.client.get("/some/private/path")
    text = (await running.client.get("/metrics")).text
    route = 'route="/v1/images/generations"'
    assert f'safelight_requests_total{{method="POST",{route},status="200"}} 1.0' in text
    assert 'safelight_rejections_total{code="invalid_value"} 1.0' in text
    assert 'safelight_drawings_total{model="stable-image-ultra",outcome="finished"} 1.0' in text
    assert 'stage="denoise"' in text
    assert "private" not in text


@pytest.mark.one_process("metrics are of one process")
async def test_metrics_say_how_the_server_stands(running: Running) -> None:
    running.engine.gate.clear()
    accepted = await running.client.post(
        "/v1/images/generations",
        json={"model": "postcard", "prompt": "a boat"},
        headers={"prefer": "respond-async"},
    )
    assert accepted.status_code == 202
    await until(lambda: running.engine.state().running == 1)
    text = (await running.client.get("/metrics")).text
    assert 'safelight_model_status{model="postcard",status="ready"} 1.0' in text
    assert 'safelight_model_status{model="postcard",status="failed"} 0.0' in text
    assert "safelight_durable_jobs_waiting 0.0" in text
    assert "safelight_durable_jobs_running 1.0" in text
    assert "safelight_draining 0.0" in text
    assert "safelight_files_budget_bytes 1e+10" in text
    (memory,) = [line for line in text.splitlines() if line.startswith("safelight_memory_bytes")]
    assert float(memory.split()[1]) > 1e7
    assert "_created" not in text
    running.engine.gate.set()


async def test_a_model_that_failed_is_a_metric(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="Its weights are torn."))
    text = (await running.client.get("/metrics")).text
    assert 'safelight_model_status{model="postcard",status="failed"} 1.0' in text


async def test_each_picture_is_one_line_at_info_with_what_one_looks_for(running: Running) -> None:
    with structlog.testing.capture_logs() as lines:
        await running.draw(seed=7)
        await running.client.get("/livez")
    (line,) = [line for line in lines if line["event"] == "picture"]
    assert (line["log_level"], line["model"], line["size"]) == ("info", "stable-image-ultra", "1024x1024")
    assert line["outcome"] == "finished"
    assert line["key_id"].startswith("key")
    assert line["seconds"] >= 0
    assert {line["log_level"] for line in lines if line.get("route") == "/livez"} == {"debug"}


async def test_each_job_is_one_line_at_info_and_its_thumbnails_are_told_at_debug(running: Running) -> None:
    body = {"model": "postcard", "prompt": "a red fox"}
    with structlog.testing.capture_logs() as lines:
        answer = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
        job = answer.json()["id"]
        await running.client.get(f"/v1/jobs/{job}/events")
        assert (await running.client.get(f"/v1/jobs/{job}/thumbnail")).status_code == 200
    (line,) = [line for line in lines if line["event"] == "picture"]
    assert (line["log_level"], line["model"], line["outcome"]) == ("info", "postcard", "finished")
    told = {line["route"]: line["log_level"] for line in lines if line["event"] == "request"}
    assert told["/v1/jobs/{job_id}/thumbnail"] == "debug"
    assert told["/v1/images/generations"] == "info"


@pytest.mark.parametrize(("mode", "with_key", "without"), [("key", 200, 401), ("off", 404, 404), ("open", 200, 200)])
async def test_who_may_read_metrics_is_a_setting(serve: Serve, mode: str, with_key: int, without: int) -> None:
    running = await serve(metrics=mode)
    assert (await running.client.get("/metrics")).status_code == with_key
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        assert (await anonymous.get("/metrics")).status_code == without


@pytest.mark.one_process("signals go to the process, where one server alone can hear them")
async def test_sigterm_refuses_new_work_finishes_the_old_and_ends(running: Running) -> None:
    running.engine.gate.clear()
    drawing = asyncio.create_task(running.draw(seed=3))
    await until(lambda: running.engine.state().running == 1)
    os.kill(os.getpid(), signal.SIGTERM)
    await until(lambda: running.services.generate.draining)
    refused = await running.draw(seed=4)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert "retry-after" in refused.headers
    assert (await running.client.get("/readyz")).status_code == 503
    assert (await running.client.get("/livez")).status_code == 200
    running.engine.gate.set()
    assert (await drawing).status_code == 200
    await until(lambda: running.server.should_exit)
    assert not running.server.force_exit


@pytest.mark.one_process("signals go to the process, where one server alone can hear them")
async def test_a_second_signal_stops_at_once_and_tells_whoever_waits(running: Running) -> None:
    running.engine.gate.clear()
    drawing = asyncio.create_task(running.draw())
    await until(lambda: running.engine.state().running == 1)
    os.kill(os.getpid(), signal.SIGTERM)
    await until(lambda: running.services.generate.draining)
    os.kill(os.getpid(), signal.SIGINT)
    refused = await drawing
    assert running.server.force_exit
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert refused.headers["x-request-id"]
    assert [entry.outcome for entry in running.ledger.entries] == ["cancelled"]
