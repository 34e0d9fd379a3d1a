"""Every route of the application, attacked: no key, another's key, and forged requests with a signed-in cookie.

The routes are read from the application, so that a new one is attacked too: it must ask for a key, unless it stands in
`OPEN`, and tell and change nothing of another key's, whatever it is called with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from safelight.api.app import create_app
from tests.api.conftest import PICTURES, Running, Serve
from tests.api.test_jobs import finished

SECRET = "an unmistakable heron"
# Whom these answer is no secret, and they know of no key's work. `/metrics` counts; the studio's pages are files.
OPEN = {
    "/available-models",
    "/health",
    "/livez",
    "/readyz",
    "/version",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/",
    "/studio",
    "/studio/{path:path}",
    "/studio/session",
    "/v1/pictures/{name}",  # a link is signed: without that there is no picture
    "/cluster/lost",
    "/cluster/under-way",
    "/cluster/steps",  # both for other servers: without their secret it is not there
}
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
STREAMS = "/v1/jobs/events"
# What the store knows of a key's work, and what signs in.
TABLES = ("jobs", "idempotency", "notes", "keys", "key_groups", "sessions", "audit")


@dataclass(frozen=True)
class Way:
    """One method of one route."""

    method: str
    path: str

    def to(self, job: str) -> str:
        names = {
            "job_id": job,
            "key_id": "key-0",
            "group": "team",
            "model_id": "postcard",
            "place": "0",
            "path": "x",
            "path:path": "x",
            "name": f"{job}.png",
            "file_id": "file-0",
            "batch_id": "batch_0",
        }
        address = self.path
        for name, value in names.items():
            address = address.replace(f"{{{name}}}", value)
        assert "{" not in address, f"{self.path} has a part that this test has no value for"
        return address


def ways(running: Running) -> Iterator[Way]:
    """Every method of every route that the application has."""
    for route in create_app(running.services).routes:
        assert isinstance(route, Route), "a part of the application that is no route has to be attacked as well"
        for method in sorted(route.methods or ()):
            yield Way(method, route.path)


def kept(home: Path) -> dict[str, list[Any]]:
    """Everything that is kept, to compare with what there is later."""
    with closing(sqlite3.connect(home / "safelight.db")) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


def bodies(way: Way) -> list[dict[str, Any] | None]:
    """What may be sent that way: nothing, and what each kind of route reads."""
    if way.method not in UNSAFE:
        return [None]
    return [{}, {"starred": True}, {"model": "postcard", "prompt": "a boat", "seed": 5}]


async def ask(client: httpx.AsyncClient, way: Way, job: str, **sent: Any) -> tuple[int, str]:
    """The answer's status and text; of a stream of events, which never ends, its first lines."""
    async with client.stream(way.method, way.to(job), **sent) as answer:
        if way.path == STREAMS and way.method == "GET" and answer.status_code == 200:
            lines = answer.aiter_lines()
            return answer.status_code, "\n".join([await anext(lines) for _ in range(2)])
        content = await answer.aread()
    return answer.status_code, content.decode("latin-1")


@pytest.fixture
async def running(serve: Serve) -> Running:
    """A server that keeps everything in its database, and whose key may change keys."""
    running = await serve(kept=True)
    (key,) = await running.services.keys.all()
    await running.services.keys.administration.change(key.id, {"admin": True}, "cli:test")
    return running


@pytest.fixture
async def owned(running: Running) -> dict[str, Any]:
    """A finished job of the first key, with its thumbnail, its star and an `Idempotency-Key`."""
    job = await finished(running, prompt=SECRET, seed=5)
    await running.client.patch(f"/v1/jobs/{job['id']}", json={"starred": True})
    await running.client.get(job["image"]["thumbnail_path"])
    body = {"model": "postcard", "prompt": SECRET, "seed": 6}
    await running.client.post(PICTURES, json=body, headers={"idempotency-key": "the-key"})
    return job


async def test_every_route_asks_for_a_key_or_is_known_to_be_open(running: Running, owned: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=300) as nobody:
        for way in ways(running):
            if way.method == "OPTIONS":
                continue
            for body in bodies(way):
                status, text = await ask(nobody, way, owned["id"], json=body)
                if way.path not in OPEN:
                    assert status == 401, f"{way} needs no key. If that is meant, name its path in OPEN, and say why."
                assert SECRET not in text, way
                assert owned["id"] not in text, way


async def test_no_route_tells_or_changes_anything_of_another_keys(
    running: Running, owned: dict[str, Any], tmp_path: Path
) -> None:
    other = (await running.services.keys.create("other")).text
    headers = {"authorization": f"Bearer {other}", "last-event-id": "0", "idempotency-key": "the-key"}
    (mine,) = [row for row in kept(tmp_path)["jobs"] if owned["id"] in row]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", headers=headers, timeout=300) as client:
        for way in ways(running):
            for body in bodies(way):
                status, text = await ask(client, way, owned["id"], json=body)
                assert SECRET not in text, way
                if "{job_id}" in way.path and way.method != "OPTIONS":
                    missing_status, missing = await ask(client, way, "job_000000000000000000000000", json=body)
                    assert (status, _told(text)) == (missing_status, _told(missing)), way
                    assert status >= 400, way
                else:
                    assert owned["id"] not in text, way
        listed = await client.get("/v1/jobs", params={"q": "heron", "total": "true"})
        assert (listed.json()["data"], listed.json()["total"]) == ([], 0)
        again = {"model": "postcard", "prompt": SECRET, "seed": 6}
        assert (await client.post(PICTURES, json=again)).json()["error"]["code"] == "idempotency_key_reused"
    assert mine in kept(tmp_path)["jobs"]
    assert (await running.client.get(owned["image"]["path"])).status_code == 200
    assert (await running.client.get(owned["image"]["thumbnail_path"])).status_code == 200


@pytest.mark.parametrize(
    "forged",
    [
        {"origin": "https://evil.example", "content-type": "text/plain"},
        {"origin": "null", "content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {"origin": "https://evil.example", "content-type": "application/json", "sec-fetch-site": "cross-site"},
        {"content-type": "application/json", "sec-fetch-site": "same-site"},  # another port of this host
        {"content-type": "text/plain; application/json", "sec-fetch-site": "none"},
    ],
)
async def test_no_forged_request_with_a_cookie_changes_anything(
    running: Running, owned: dict[str, Any], tmp_path: Path, forged: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=300) as browser:
        assert (await browser.post("/studio/session", json={"key": running.key})).status_code == 200
        before = kept(tmp_path)
        for way in ways(running):
            if way.method not in UNSAFE:
                continue
            for content in (b"", b'{"starred": false}', b'{"model": "postcard", "prompt": "a boat"}'):
                status, _ = await ask(browser, way, owned["id"], content=content, headers=forged)
                assert status in (400, 401, 404, 415), (way, status)
        assert kept(tmp_path) == before
        assert (await browser.get("/studio/session")).json()["signed_in"] is True


async def test_no_get_changes_anything_whoever_has_a_browser_ask_for_it(
    running: Running, owned: dict[str, Any], tmp_path: Path
) -> None:
    """An image, a link or a frame of another page sends these, and of old browsers the cookie comes with them."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=300) as browser:
        assert (await browser.post("/studio/session", json={"key": running.key})).status_code == 200
        before = kept(tmp_path)
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
        for way in ways(running):
            if way.method in UNSAFE:
                continue
            async with browser.stream(way.method, way.to(owned["id"]), headers=foreign) as answer:
                assert "access-control-allow-origin" not in answer.headers, way
                assert answer.headers["cross-origin-resource-policy"] == "same-origin", way
        assert kept(tmp_path) == before


async def test_the_pages_own_requests_are_let_in(serve: Serve) -> None:
    running = await serve()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=300) as browser:
        own = {"sec-fetch-site": "same-origin", "origin": f"http://127.0.0.1:{running.port}"}
        assert (await browser.post("/studio/session", json={"key": running.key}, headers=own)).status_code == 200
        drawn = await browser.post(PICTURES, json={"model": "postcard", "prompt": "a boat"}, headers=own)
        assert drawn.status_code == 200
        out = await browser.request(
            "DELETE", "/studio/session", headers=own | {"content-type": "application/json"}, content=b"{}"
        )
        assert out.json()["signed_in"] is False


def _told(text: str) -> str:
    return text.replace("job_000000000000000000000000", "")
