"""Pages of other origins, many wrong keys, many streams, text that is none, addresses behind a path."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote, urljoin

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.api.exchange import wrong_keys
from safelight.api.exchange.streams import MOST_PER_KEY
from safelight.service.ports.telemetry import ModelLoaded
from tests.api.conftest import PICTURES, Running, Serve
from tests.api.test_jobs import finished
from tests.studio.prefix import behind

ORIGIN = "https://app.example"
ASKED = "authorization,content-type,x-stainless-arch,x-stainless-retry-count"


async def test_an_allowed_origin_may_send_the_headers_that_it_asks_for(serve: Serve) -> None:
    running = await serve(cors_origins=(ORIGIN,))
    for origin, allowed in ((ORIGIN, ASKED), ("https://evil.example", None)):
        sent = {"origin": origin, "access-control-request-headers": ASKED, "access-control-request-method": "POST"}
        answer = await running.client.options(PICTURES, headers=sent)
        assert answer.headers.get("access-control-allow-headers") == allowed
    sent = {"origin": ORIGIN, "access-control-request-headers": "x-a; <script>"}
    answer = await running.client.options(PICTURES, headers=sent)
    assert "script" not in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("name", ["画风", "Żubr", "café", "100% ink", "a b"])
async def test_a_model_of_any_name_is_told_in_a_header(serve: Serve, tmp_path: Path, name: str) -> None:
    source = str(tmp_path / name)
    running = await serve(engine=FakeEngine((source,)), models={"ours": {"source": source}})
    plain = await running.draw(model="ours")
    job = await finished(running, model="ours")
    answers = [plain, await running.client.get(job["image"]["path"]), await running.draw(model="ours", stream=True)]
    for answer in answers:
        assert answer.status_code == 200
        assert unquote(answer.headers["x-safelight-model"]) == name
        assert name.isascii() or "%" in answer.headers["x-safelight-model"]


async def test_metrics_tell_no_path(running: Running, tmp_path: Path) -> None:
    running.services.telemetry.note(ModelLoaded(source=str(tmp_path / "secret" / "model.safetensors"), seconds=1.0))
    told = (await running.client.get("/metrics")).text
    assert 'source="model.safetensors"' in told
    assert str(tmp_path) not in told


async def test_jobs_are_found_behind_a_path(running: Running) -> None:
    body = {"model": "postcard", "prompt": "a boat"}
    headers = {"authorization": f"Bearer {running.key}", "prefer": "respond-async"}
    with behind("/pictures", f"http://127.0.0.1:{running.port}") as shown:
        for named in ({}, {"x-forwarded-prefix": "/pictures"}):
            async with httpx.AsyncClient(headers=headers | named, timeout=300) as client:
                accepted = await client.post(f"{shown}{PICTURES}", json=body)
                job_address = urljoin(str(accepted.url), accepted.headers["location"])
                assert job_address.startswith(f"{shown}/v1/jobs/")
                await client.get(f"{job_address}/events")
                for address in (job_address, f"{shown}/v1/jobs"):
                    found = (await client.get(address)).json()
                    job = found["data"][0] if "data" in found else found
                    for path in (job["image"]["path"], job["image"]["thumbnail_path"]):
                        assert (await client.get(urljoin(address, path))).status_code == 200


async def test_a_proxy_that_names_no_path_is_told_addresses_from_the_root(running: Running) -> None:
    body = {"model": "postcard", "prompt": "a boat"}
    headers = {"authorization": f"Bearer {running.key}", "prefer": "respond-async", "host": "localhost:1"}
    for named, start in (({}, "../../v1/jobs/"), ({"x-forwarded-prefix": "/"}, "/v1/jobs/")):
        async with httpx.AsyncClient(headers=headers | named, timeout=300) as client:
            answer = await client.post(f"http://127.0.0.1:{running.port}{PICTURES}", json=body)
            assert answer.headers["location"] == f"{start}{answer.json()['id']}"


async def test_a_prefix_is_believed_of_trusted_proxies_alone(serve: Serve) -> None:
    running = await serve(trusted_proxies="10.9.8.7")
    sent = {"prefer": "respond-async", "x-forwarded-prefix": "/evil"}
    answer = await running.client.post(PICTURES, json={"model": "postcard", "prompt": "a boat"}, headers=sent)
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"


async def test_a_key_has_so_many_streams_and_is_told_what_to_do(running: Running) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PER_KEY):
            opened = await stack.enter_async_context(running.client.stream("GET", "/v1/jobs/events"))
            assert opened.status_code == 200
        refused = await running.client.get("/v1/jobs/events")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert "Close one" in refused.json()["error"]["message"]
        other = (await running.services.keys.create("other")).text
        headers = {"authorization": f"Bearer {other}"}
        async with running.client.stream("GET", "/v1/jobs/events", headers=headers) as theirs:
            assert theirs.status_code == 200


async def test_streams_of_pictures_count_among_those_of_their_key(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    body = {"model": "postcard", "prompt": "a boat", "stream": True}
    async with AsyncExitStack() as stack:
        for number in range(MOST_PER_KEY):
            asked = ("POST", PICTURES, body) if number % 2 else ("GET", "/v1/jobs/events", None)
            opened = await stack.enter_async_context(running.client.stream(asked[0], asked[1], json=asked[2]))
            assert opened.status_code == 200
        for refused in (await running.client.post(PICTURES, json=body), await running.client.get("/v1/jobs/events")):
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
            assert "without `stream`" in refused.json()["error"]["message"]
        state = engine.state()
        assert state.running + state.queued == MOST_PER_KEY // 2  # nothing is drawn for who is refused
        engine.gate.set()
        assert (await running.draw(model="postcard")).status_code == 200
    while (answer := await running.client.post(PICTURES, json=body)).status_code == 429:
        pass  # the server has yet to see that they were closed
    assert "image_generation.completed" in answer.text


async def test_that_a_caller_speaks_https_is_believed_of_trusted_proxies_alone(serve: Serve) -> None:
    told = {"x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}
    for trusted, secure in (("127.0.0.0/8", True), ("10.9.8.7", False)):
        running = await serve(trusted_proxies=trusted)
        answer = await running.client.post("/studio/session", json={"key": running.key}, headers=told)
        assert answer.status_code == 200
        assert ("Secure" in answer.headers["set-cookie"]) is secure
        assert "evil" not in answer.headers["set-cookie"]


async def test_wrong_keys_are_slowed_down_and_right_ones_are_not(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrong_keys, "_SECONDS_EACH", 3.0)
    wrong = {"authorization": "Bearer sl-wrong"}
    for _ in range(wrong_keys.FREE_OF_CHARGE):
        assert (await running.client.get("/v1/models", headers=wrong)).status_code == 401
    tries = [asyncio.create_task(running.client.get("/v1/models", headers=wrong)) for _ in range(8)]
    done, waiting = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result().status_code for task in done} == {429}
    assert (await running.client.get("/v1/models")).status_code == 200
    assert waiting
    elsewhere = {**wrong, "x-forwarded-for": "203.0.113.9"}  # another caller behind the same proxy
    assert (await running.client.get("/v1/models", headers=elsewhere)).status_code == 401
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("text", "param", "words"),
    [
        (r'{"model": "postcard", "prompt": "ab\ud800c"}', "prompt", "character 3"),
        (r'{"model": "postcard", "prompt": "x", "negative_prompt": "\udc00"}', "negative_prompt", "character 1"),
        (r'{"model": "postcard", "prompt": "x", "p\ud83d": 1}', None, "surrogate"),
        (r'{"model": "postcard", "prompt": "ab\u0000"}', "prompt", "NUL as character 3"),
    ],
)
async def test_half_a_pair_and_a_nul_are_named_with_their_place(
    running: Running, text: str, param: str | None, words: str
) -> None:
    answer = await running.client.post(PICTURES, content=text)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "invalid_value", param)
    assert words in error["message"]


async def test_a_safety_identifier_is_accepted_as_a_user_is(running: Running) -> None:
    for model in ("postcard", "stable-image-ultra"):
        answer = await running.draw(model=model, safety_identifier="somebody")
        assert answer.status_code == 200, answer.text


async def test_every_answer_says_how_it_may_be_used(running: Running) -> None:
    for path in ("/livez", "/nothing", "/v1/models", "/metrics", "/openapi.json", "/studio"):
        answer = await running.client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == ("no-cache" if path == "/studio" else "no-store")
    assert json.loads((await running.client.get("/livez")).content)
