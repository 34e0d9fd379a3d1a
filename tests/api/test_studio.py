"""The page: its files, its headers, signing in and out."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import PICTURES, Running, Serve

JSON = {"content-type": "application/json"}
INDEX = b'<!doctype html>\n<html><head><script src="./assets/page-1a2b3c4d.js"></script></head></html>\n'
SCRIPT = b"const page = 'page';\n" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as Vite builds one."""
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "page-1a2b3c4d.js").write_bytes(SCRIPT)
    return folder


@pytest.fixture
async def running(serve: Serve, built: Path) -> Running:
    return await serve(page=built)


@pytest.fixture
async def browser(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client with no key, which keeps cookies."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as client:
        yield client


async def signed_in(running: Running, browser: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await browser.post("/studio/session", json={"key": running.key})
    assert answer.status_code == 200
    return browser


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/studio/", None),
        ("/studio", b"studio/"),
        ("/studio/gallery", b"./"),
        ("/studio/gallery/", b"../"),
        ("/studio/job/job_1", b"../"),
    ],
)
async def test_every_address_of_the_page_finds_its_files_under_any_prefix(
    browser: httpx.AsyncClient, path: str, base: bytes | None
) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200
    expected = INDEX if base is None else INDEX.replace(b"<head>", b'<head><base href="%s">' % base)
    assert answer.content == expected


async def test_the_page_allows_nothing_from_elsewhere_and_no_inline_script(browser: httpx.AsyncClient) -> None:
    headers = (await browser.get("/studio/")).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")


async def test_files_with_a_hash_are_cached_for_good_and_others_asked_for_again(browser: httpx.AsyncClient) -> None:
    script = await browser.get("/studio/assets/page-1a2b3c4d.js")
    assert script.content == SCRIPT
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"].startswith("text/javascript")
    icon = await browser.get("/studio/icon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    known = await browser.get("/studio/icon.svg", headers={"if-none-match": icon.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


async def test_files_are_sent_compressed_to_whoever_reads_that(browser: httpx.AsyncClient) -> None:
    async with browser.stream("GET", "/studio/assets/page-1a2b3c4d.js", headers={"accept-encoding": "gzip"}) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == SCRIPT
    plain = await browser.get("/studio/assets/page-1a2b3c4d.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "path", ["/studio/assets/page-00000000.js", "/studio/assets/../../secret", "/studio/assets/%2e%2e/index.html"]
)
async def test_a_file_of_another_build_or_beyond_the_folder_is_a_404(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 404


async def test_a_checkout_without_a_built_page_says_so(serve: Serve, tmp_path: Path) -> None:
    running = await serve(page=tmp_path / "none")
    answer = await running.client.get("/studio")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_the_link_signs_in_once_and_leaves_no_token_behind(running: Running, browser: httpx.AsyncClient) -> None:
    token = await running.links.new()
    head = await browser.head(f"/studio/?token={token}")  # a preview must not use it up
    assert head.status_code == 200
    answer = await browser.get(f"/studio/?token={token}&prompt=a+boat&seed=5")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?prompt=a+boat&seed=5")
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
    assert (await browser.get("/studio/session")).json()["name"] == "test"
    assert (await browser.get("/v1/jobs")).status_code == 200
    async with httpx.AsyncClient(base_url=browser.base_url) as stranger:
        again = await stranger.get(f"/studio?token={token}")
        assert (again.status_code, again.headers["location"]) == (303, "studio/?link=used")
        assert (await stranger.get("/v1/jobs")).status_code == 401
    still = await browser.get(f"/studio/?token={token}")
    assert still.headers["location"] == "./"


async def test_a_key_signs_in_and_out(running: Running, browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/studio/session")).json() == {"signed_in": False}
    wrong = await browser.post("/studio/session", json={"key": "sl-wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    await signed_in(running, browser)
    session = (await browser.get("/studio/session")).json()
    assert (session["signed_in"], session["name"]) == (True, "test")
    cookie = dict(browser.cookies)
    out = await browser.request("DELETE", "/studio/session", headers=JSON)
    assert out.json() == {"signed_in": False}
    browser.cookies.update(cookie)  # whoever kept it has nothing
    assert (await browser.get("/v1/jobs")).status_code == 401


async def test_the_cookie_draws_and_looks_back_like_the_key(running: Running, browser: httpx.AsyncClient) -> None:
    await signed_in(running, browser)
    body = {"model": "postcard", "prompt": "a boat"}
    answer = await browser.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    assert answer.status_code == 202
    mine = await running.client.get("/v1/jobs")
    assert [job["id"] for job in mine.json()["data"]] == [answer.json()["id"]]


async def test_a_request_with_the_cookie_that_a_form_could_send_is_refused(
    running: Running, browser: httpx.AsyncClient
) -> None:
    await signed_in(running, browser)
    body = '{"model": "postcard", "prompt": "a boat"}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/ld+json"):
        answer = await browser.post(PICTURES, content=body, headers={"content-type": content_type})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    for method, path in [("DELETE", "/v1/jobs/x"), ("POST", "/v1/jobs/x/cancel"), ("DELETE", "/studio/session")]:
        assert (await browser.request(method, path)).status_code == 415
        assert (await browser.request(method, path, headers=JSON)).status_code in (200, 404)


async def test_a_revoked_key_ends_its_sessions(running: Running, browser: httpx.AsyncClient) -> None:
    minted = await running.services.keys.create("guest")
    await browser.post("/studio/session", json={"key": minted.text})
    assert (await browser.get("/v1/jobs")).status_code == 200
    await running.services.keys.revoke(minted.record.id)
    assert (await browser.get("/v1/jobs")).status_code == 401
    assert (await browser.get("/studio/session")).json() == {"signed_in": False}


async def test_behind_https_the_cookie_never_leaves_it(running: Running, browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/studio/session", json={"key": running.key}, headers={"x-forwarded-proto": "https"})
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("body", [{}, {"key": "a", "token": "b"}, {"key": 5}, {"password": "x"}])
async def test_signing_in_takes_a_key_or_a_token(browser: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await browser.post("/studio/session", json=body)).status_code == 400
