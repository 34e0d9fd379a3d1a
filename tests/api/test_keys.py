"""Keys over HTTP: for admin keys alone, and every change stands in the log."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import PICTURES, Running, Serve, until_seen

KEYS = "/v1/keys"


@pytest.fixture
async def running(serve: Serve) -> Running:
    """A server whose client has an admin key."""
    running = await serve(kept=True)
    (key,) = await running.services.keys.all()
    await running.services.keys.administration.change(key.id, {"admin": True}, "cli:test")
    return running


async def made(running: Running, **terms: Any) -> dict[str, Any]:
    answer = await running.client.post(KEYS, json=terms)
    assert answer.status_code == 201, answer.text
    new: dict[str, Any] = answer.json()
    return new


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(running: Running) -> None:
    new = await made(running, name="bob", models=["stability-image-ultra"], weight=2)
    assert new["made"]["models"] == ["stable-image-ultra"]
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    drawn = await running.client.post(PICTURES, json=body, headers=bearing(new["key"]))
    assert drawn.status_code == 200
    path = f"{KEYS}/{new['made']['id']}"
    async with asyncio.timeout(300):
        shown = (await until_seen(lambda: running.client.get(path), lambda found: found.json()["last_used"])).json()
    assert shown["usage"].pop("seconds_this_month") >= 0
    assert shown["usage"] == {"pictures_today": 1, "pictures_this_month": 1, "megapixels_this_month": 1.049}
    assert new["key"] not in (await running.client.get(KEYS)).text
    assert new["key"].endswith(shown["hint"])
    ended = await running.client.delete(path, headers={"content-type": "application/json"})
    assert ended.json()["revoked"] is not None
    refused = await running.client.post(PICTURES, json=body, headers=bearing(new["key"]))
    assert refused.status_code == 401


async def test_what_is_named_is_changed_and_counts_at_once(running: Running) -> None:
    new = await made(running, name="bob", quotas={"pictures_per_month": 5})
    path = f"{KEYS}/{new['made']['id']}"
    quotas = {"pictures_per_day": 0, "pictures_per_month": "default", "seconds_per_day": None}
    changed = (await running.client.patch(path, json={"quotas": quotas, "group": "team"})).json()
    assert (changed["name"], changed["group"]) == ("bob", "team")
    assert changed["quotas"] == {"pictures_per_day": 0, "seconds_per_day": None}
    body = {"model": "postcard", "prompt": "a boat"}
    refused = await running.client.post(PICTURES, json=body, headers=bearing(new["key"]))
    assert refused.json()["error"]["code"] == "quota_exceeded"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"name": 5}, "name", "invalid_value"),
        ({"name": "x" * 101}, "name", "invalid_value"),
        ({"weight": 0}, "weight", "invalid_value"),
        ({"weight": "2"}, "weight", "invalid_value"),
        ({"admin": "yes"}, "admin", "invalid_value"),
        ({"rate_limit": 1.5}, "rate_limit", "invalid_value"),
        ({"rate_limit": -1}, "rate_limit", "invalid_value"),
        ({"group": "a b"}, "group", "invalid_value"),
        ({"models": ["none"]}, "models", "invalid_value"),
        ({"models": "postcard"}, "models", "invalid_value"),
        ({"quotas": {"pictures": 1}}, "quotas", "invalid_value"),
        ({"quotas": {"pictures_per_day": "many"}}, "quotas", "invalid_value"),
        ({"quotas": [1]}, "quotas", "invalid_value"),
        ({"secret": "x"}, "secret", "unknown_parameter"),
    ],
)
async def test_what_cannot_be_is_named(running: Running, fields: dict[str, Any], param: str, code: str) -> None:
    (before,) = (await running.client.get(KEYS)).json()["data"]
    for method, path in (("POST", KEYS), ("PATCH", f"{KEYS}/{before['id']}")):
        answer = await running.client.request(method, path, json=fields)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, param, code), error
    assert (await running.client.get(KEYS)).json()["data"] == [before]


async def test_groups_are_set_shown_and_removed(running: Running) -> None:
    path = "/v1/groups/team"
    assert (await running.client.patch(path, json={"quotas": {"pictures_per_day": 5}})).status_code == 200
    await running.client.patch(path, json={"quotas": {"seconds_per_day": 9}})
    (group,) = (await running.client.get("/v1/groups")).json()["data"]
    assert group["quotas"] == {"pictures_per_day": 5, "seconds_per_day": 9}
    wrongs: list[dict[str, Any]] = [{"quotas": []}, {"name": "x"}, {"quotas": {"pictures_per_day": -1}}]
    for wrong in wrongs:
        assert (await running.client.patch(path, json=wrong)).status_code == 400
    assert (await running.client.patch("/v1/groups/a%20b", json={})).status_code == 400
    json_type = {"content-type": "application/json"}
    assert (await running.client.delete(path, headers=json_type)).status_code == 200
    assert (await running.client.delete(path, headers=json_type)).status_code == 404
    assert (await running.client.get("/v1/groups")).json()["data"] == []


async def test_the_log_says_which_admin_key_changed_what(running: Running) -> None:
    (admin,) = await running.services.keys.all()
    new = await made(running, name="bob")
    await running.client.patch(f"{KEYS}/{new['made']['id']}", json={"weight": 3})
    page = (await running.client.get("/v1/audit", params={"limit": 1})).json()
    (change,) = page["data"]
    assert (change["who"], change["action"]) == (f"key:{admin.id}", "key.changed")
    assert (change["before"], change["after"]) == ({"weight": 1.0}, {"weight": 3.0})
    assert page["has_more"] is True
    earlier = (await running.client.get("/v1/audit", params={"before": change["number"]})).json()
    assert [entry["action"] for entry in earlier["data"]] == ["key.created", "key.changed", "key.created"]
    assert new["key"] not in str(earlier)
    for query in ("limit=0", "limit=201", "before=x"):
        assert (await running.client.get(f"/v1/audit?{query}")).status_code == 400


async def test_a_key_that_is_no_admin_key_may_none_of_this_and_a_signed_in_admin_all(running: Running) -> None:
    plain = bearing((await made(running, name="plain"))["key"])
    ways = [("GET", KEYS), ("POST", KEYS), ("GET", f"{KEYS}/x"), ("PATCH", f"{KEYS}/x"), ("DELETE", f"{KEYS}/x")]
    ways += [("GET", "/v1/groups"), ("PATCH", "/v1/groups/x"), ("DELETE", "/v1/groups/x"), ("GET", "/v1/audit")]
    for method, path in ways:
        answer = await running.client.request(method, path, headers=plain, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "admin_key_required"), path
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", timeout=300) as browser:
        session = (await browser.post("/studio/session", json={"key": running.key})).json()
        assert session["admin"] is True
        assert (await browser.post(KEYS, json={"name": "by the page"})).status_code == 201


@pytest.mark.parametrize("admin", [True, False])
async def test_whether_the_key_of_the_environment_is_an_admin_key_is_a_setting(serve: Serve, admin: bool) -> None:
    running = await serve(kept=True, api_key="from-outside", api_key_is_admin=admin)
    answer = await running.client.get(KEYS, headers=bearing("from-outside"))
    assert answer.status_code == (200 if admin else 403)


async def test_what_is_not_there_is_not_found(running: Running) -> None:
    json_type = {"content-type": "application/json"}
    for method in ("GET", "PATCH", "DELETE"):
        answer = await running.client.request(method, f"{KEYS}/key-0", json={}, headers=json_type)
        assert answer.status_code == 404
