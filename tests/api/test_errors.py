"""Whatever goes wrong, on every path, has one shape (CONTRACT 2)."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest

from safelight.contract.errors import ConfigurationError
from tests.api.conftest import PICTURES, Running, Serve, until


def error_of(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert isinstance(body["error"]["message"], str)
    assert isinstance(body["error"]["code"], str | None)
    assert isinstance(body["error"]["param"], str | None)
    assert response.headers["x-request-id"]
    assert response.headers["content-type"] == "application/json"
    return dict(body["error"])


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/images", "/studios", "/docs/x", "//x", "/v1/models/x/y"])
async def test_an_unknown_path_is_a_404_in_our_shape(running: Running, path: str) -> None:
    response = await running.client.get(f"http://127.0.0.1:{running.port}{path}")
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PICTURES, "OPTIONS, POST"),
        ("PUT", "/studio/session", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_a_405_with_allow_decided_before_the_key(
    running: Running, method: str, path: str, allowed: str
) -> None:
    response = await running.client.request(method, path, headers={"authorization": "nothing"})
    assert response.status_code == 405
    assert error_of(response)["code"] == "method_not_allowed"
    assert response.headers["allow"] == allowed
    assert error_of(response)["message"] == f"{method} is not served here. Allowed: {allowed}."


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic abc", "sl-abc", "Bearer sl-wrong", "Bearer a b", "Bearer é", "Token x"],
)
async def test_a_key_that_is_not_one_is_a_401_that_asks_for_a_bearer(running: Running, authorization: str) -> None:
    headers = {b"authorization": authorization.encode()}
    response = await running.client.post(PICTURES, json={}, headers=headers)
    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_key_counts_in_the_authorization_header_alone(running: Running) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        for sent in ({"headers": {"x-api-key": running.key}}, {"params": {"key": running.key}}):
            assert (await anonymous.post(PICTURES, json={}, **sent)).status_code == 401  # type: ignore[arg-type]


async def test_two_keys_that_differ_are_a_401(running: Running) -> None:
    good, bad = ("authorization", f"Bearer {running.key}"), ("authorization", "Bearer sl-other")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as anonymous:
        for sent in ([good, bad], [bad, good]):
            response = await anonymous.get("/v1/models", headers=sent)
            assert (response.status_code, error_of(response)["code"]) == (401, "invalid_api_key")
        assert (await anonymous.get("/v1/models", headers=[good, good])).status_code == 200


async def test_the_key_is_decided_before_the_body_is_read(running: Running) -> None:
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head)
    assert (await asyncio.wait_for(reader.readline(), 300)).startswith(b"HTTP/1.1 401")
    writer.close()


async def test_a_revoked_key_stops_working_at_once(running: Running) -> None:
    minted = await running.services.keys.create("short-lived")
    headers = {"authorization": f"Bearer {minted.text}"}
    assert (await running.client.get("/v1/models", headers=headers)).status_code == 200
    await running.services.keys.revoke(minted.record.id)
    response = await running.client.get("/v1/models", headers=headers)
    assert response.status_code == 401
    assert "revoked" in error_of(response)["message"]


async def test_a_key_bound_to_other_models_is_a_403(running: Running) -> None:
    minted = await running.services.keys.create("bound", models=("postcard",))
    headers = {"authorization": f"Bearer {minted.text}"}
    body = {"model": "stable-image-ultra", "prompt": "x"}
    response = await running.client.post(PICTURES, json=body, headers=headers)
    assert response.status_code == 403
    error = error_of(response)
    assert (error["type"], error["code"], error["param"]) == ("authorization_error", "model_not_allowed", "model")
    allowed = await running.client.post(PICTURES, json=body | {"model": "postcard"}, headers=headers)
    assert allowed.status_code == 200


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "application/xml", "image/png"])
async def test_another_media_type_is_a_415(running: Running, media_type: str) -> None:
    response = await running.client.post(PICTURES, content=b"{}", headers={"content-type": media_type})
    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


async def test_a_compressed_body_is_a_415(running: Running) -> None:
    response = await running.client.post(PICTURES, content=b"{}", headers={"content-encoding": "gzip"})
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_media_type")


async def test_an_announced_body_over_the_limit_is_a_413_without_reading(running: Running) -> None:
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    head += "content-length: 1048577\r\n\r\n"
    answer = await running.raw(head.encode())
    assert answer.startswith(b"HTTP/1.1 413")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_too_large"


async def test_a_chunked_body_that_never_ends_is_a_413_when_it_passes_the_limit(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    writer.write(head.encode() + b"transfer-encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    answering = asyncio.create_task(reader.read())
    for _ in range(17):
        writer.write(chunk)
    answer = await asyncio.wait_for(answering, 300)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_of_exactly_the_limit_is_read(running: Running) -> None:
    body = b'{"model": "stable-image-ultra", "prompt": "a boat"}'
    response = await running.client.post(PICTURES, content=body.ljust(1024 * 1024))
    assert response.status_code == 200


async def test_a_body_that_does_not_arrive_is_a_408_and_the_connection_closes(serve: Serve) -> None:
    running = await serve(body_timeout_seconds=0.2)
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    head += "content-length: 50\r\n\r\n"
    answer = await running.raw(head.encode() + b'{"model"')
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"


async def test_a_client_that_leaves_in_the_middle_of_its_request_disturbs_nobody(running: Running) -> None:
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    head += "content-length: 50\r\n\r\n"
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head.encode() + b'{"model"')
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await until(lambda: len(running.server.server_state.connections) == 0)
    assert (await running.draw()).status_code == 200
    assert [entry.outcome for entry in running.ledger.entries] == ["finished"]


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100])
async def test_what_is_not_http_is_answered_in_our_shape(running: Running, garbage: bytes) -> None:
    head, _, body = (await running.raw(garbage)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"x-request-id: req_" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


async def test_a_hundred_thousand_brackets_are_invalid_json(running: Running) -> None:
    response = await running.client.post(PICTURES, content=b"[" * 100_000)
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_json")


async def test_a_prompt_that_the_operator_blocked_is_a_policy_violation(serve: Serve) -> None:
    running = await serve(blocked_prompts=("secret",))
    response = await running.draw(prompt="a Secret boat")
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (400, "content_policy_violation", "prompt")
    assert "boat" not in error["message"]
    assert (await running.draw(prompt="a secretive boat")).status_code == 200


async def test_a_key_over_its_limit_is_a_429_with_the_headers_that_sdks_read(serve: Serve) -> None:
    running = await serve(rate_limit_per_minute=2)
    first, second, third = [await running.draw() for _ in range(3)]
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert third.status_code == 429
    assert error_of(third)["code"] == "rate_limit_exceeded"
    assert third.headers["x-ratelimit-reset-requests"].endswith("s")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    other = await running.services.keys.create("other")
    body = {"model": "stable-image-ultra", "prompt": "x"}
    headers = {"authorization": f"Bearer {other.text}"}
    assert (await running.client.post(PICTURES, json=body, headers=headers)).status_code == 200


async def test_refused_requests_do_not_count_against_the_limit(serve: Serve) -> None:
    running = await serve(rate_limit_per_minute=1)
    for _ in range(3):
        assert (await running.draw(seed=-1)).status_code == 400
    assert (await running.draw()).status_code == 200


async def test_one_trailing_slash_and_a_query_string_change_nothing(running: Running) -> None:
    body = {"model": "stable-image-ultra", "prompt": "x"}
    assert (await running.client.post(f"{PICTURES}/?seed=-1", json=body)).status_code == 200
    assert (await running.client.get("/v1/models/")).status_code == 200


async def test_accept_does_not_change_the_answer(running: Running) -> None:
    response = await running.client.get("/nothing", headers={"accept": "text/html"})
    assert error_of(response)["code"] == "not_found"


async def test_the_request_id_is_the_callers_when_it_is_a_plain_token(running: Running) -> None:
    kept = await running.client.get("/livez", headers={"x-request-id": "trace-1.2:3"})
    assert kept.headers["x-request-id"] == "trace-1.2:3"
    replaced = await running.client.get("/livez", headers={"x-request-id": "two words"})
    assert replaced.headers["x-request-id"].startswith("req_")


async def test_an_unforeseen_error_is_a_500_that_tells_nothing_of_the_inside(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("/secret/path and a prompt")

    monkeypatch.setattr(running.services.keys, "authenticate", breaks)
    response = await running.draw()
    assert response.status_code == 500
    error = error_of(response)
    assert (error["code"], error["type"]) == ("internal_error", "server_error")
    assert "secret" not in response.text


async def test_state_that_cannot_be_read_is_a_500_that_says_so_and_names_no_path(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise ConfigurationError("The disk that holds /secret/path is full.")

    monkeypatch.setattr(running.services.keys, "authenticate", full)
    response = await running.draw()
    assert response.status_code == 500
    assert "state" in error_of(response)["message"]
    assert "secret" not in response.text


async def test_a_slow_reader_holds_up_nobody(running: Running) -> None:
    for listener in running.server.servers[0].sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", running.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    body = b'{"model": "postcard", "prompt": "slow", "n": 10}'
    head = f"POST {PICTURES} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    connections: set[Any] = running.server.server_state.connections
    await until(lambda: any(each.flow.write_paused for each in connections))
    for _ in range(3):
        assert (await running.draw()).status_code == 200
    writer.close()
