"""`response_format: "url"`: links to kept pictures that need no key, on every server, for an hour."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.memory_state import MemoryLedger
from safelight.bootstrap.use_cases.services import PAGE
from safelight.contract.errors import Gone, NotFound
from safelight.service.access.picture_links import PictureLinks
from safelight.settings import read_settings
from tests.api.conftest import PICTURES, Node, Running, Serve, Shared, node
from tests.api.test_jobs import ASYNC, ended, finished, ids
from tests.sent_pictures import one_colour

ASKED = {"model": "postcard", "prompt": "a boat", "size": "64x64", "response_format": "url"}


async def links(running: Running, **fields: Any) -> list[str]:
    answer = await running.client.post(PICTURES, json=ASKED | fields)
    assert answer.status_code == 200, answer.text
    for item in answer.json()["data"]:
        assert set(item) == {"url", "revised_prompt"}
    return [str(item["url"]) for item in answer.json()["data"]]


async def fetched(link: str, **headers: str) -> httpx.Response:
    """What somebody without a key gets."""
    async with httpx.AsyncClient(timeout=300) as nobody:
        return await nobody.get(link, headers=headers)


def changed(link: str, **query: str) -> str:
    """The link with other values in its query."""
    split = urlsplit(link)
    said = {name: values[0] for name, values in parse_qs(split.query).items()} | query
    return split._replace(query="&".join(f"{name}={value}" for name, value in said.items())).geturl()


async def test_a_link_gives_the_bytes_of_the_plain_answer_to_somebody_without_a_key(running: Running) -> None:
    for kind in ("png", "jpeg", "webp"):
        (link,) = await links(running, seed=5, output_format=kind)
        plain = await running.draw(model="postcard", size="64x64", seed=5, output_format=kind)
        answer = await fetched(link)
        assert answer.content == base64.b64decode(plain.json()["data"][0]["b64_json"])
        assert answer.headers["content-type"] == f"image/{kind}"
        assert int(answer.headers["content-length"]) == len(answer.content)
        kept, _, seconds = answer.headers["cache-control"].partition(", max-age=")
        assert kept == "private"
        assert 0 < int(seconds) <= 3600
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert (await fetched(link, **{"if-none-match": answer.headers["etag"]})).status_code == 304


async def test_a_head_says_the_same_without_the_picture(running: Running) -> None:
    (link,) = await links(running)
    async with httpx.AsyncClient(timeout=300) as nobody:
        answer = await nobody.head(link)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len((await fetched(link)).content)


async def test_several_pictures_have_a_link_each_and_no_list_shows_them(running: Running) -> None:
    several = await links(running, n=3, seed=5)
    assert len({(await fetched(link)).content for link in several}) == 3
    assert await ids(running) == []


async def test_where_all_pictures_are_kept_those_with_links_are_listed_once(serve: Serve) -> None:
    running = await serve(store="all")
    (link,) = await links(running)
    (job,) = await ids(running)
    assert job in link


async def test_the_same_request_again_gets_a_link_to_the_same_picture(running: Running) -> None:
    once = {"idempotency-key": "a"}
    answers = [await running.client.post(PICTURES, json=ASKED | {"n": 2}, headers=once) for _ in range(2)]
    first, second = [[urlsplit(item["url"]).path for item in answer.json()["data"]] for answer in answers]
    assert first == second
    other = await running.client.post(PICTURES, json=ASKED | {"response_format": "b64_json", "n": 2}, headers=once)
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_a_job_that_was_asked_for_so_has_a_link_wherever_it_is_shown(running: Running) -> None:
    accepted = await running.client.post(PICTURES, json=ASKED | {"seed": 5}, headers=ASYNC)
    job = await ended(running, accepted.json()["id"])
    assert job["request"]["response_format"] == "url"
    kept = (await running.client.get(job["image"]["path"])).content
    events = await running.client.get(f"/v1/jobs/{job['id']}/events")
    listed = (await running.client.get("/v1/jobs")).json()["data"][0]
    for link in (job["image"]["url"], listed["image"]["url"]):
        assert (await fetched(link)).content == kept
    assert '"url":"http' in events.text
    assert "url" not in (await finished(running))["image"]


async def test_an_edit_is_answered_with_a_link_too(running: Running) -> None:
    files = {"image": ("a.png", one_colour(64, 64), "image/png")}
    fields = {"model": "postcard", "prompt": "at night", "response_format": "url", "seed": "5"}
    answer = await running.client.post("/v1/images/edits", data=fields, files=files)
    assert answer.status_code == 200, answer.text
    assert (await fetched(answer.json()["data"][0]["url"])).headers["content-type"] == "image/png"


async def test_a_stream_has_no_field_for_a_link(running: Running) -> None:
    answer = await running.client.post(PICTURES, json=ASKED | {"stream": True})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "response_format")


async def test_a_strict_model_refuses_links_by_name(running: Running) -> None:
    answer = await running.draw(response_format="url")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
    ignored = await running.draw(response_format="url", allow_ignored_params=True)
    assert "b64_json" in ignored.json()["data"][0]


async def test_a_link_that_was_changed_is_none(running: Running) -> None:
    (link,), (other,) = await links(running, seed=5), await links(running, seed=6)
    forged = [
        changed(link, expires="99999999999"),
        changed(link, signature=parse_qs(urlsplit(other).query)["signature"][0]),
        changed(link, signature=""),
        changed(link, signature="%F0%9F%A6%8A"),
        link.partition("?")[0],
        link.replace(".png", ".jpeg"),
        link.replace("/v1/pictures/job_", "/v1/pictures/job_0"),
    ]
    for each in forged:
        answer = await fetched(each)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), each
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_link_ends_by_the_clock_and_another_secret_knows_none_of_it() -> None:
    now = 1_000.0
    ours = PictureLinks("a", 60, clock=lambda: now)
    path = urlsplit(ours.path("job_1", "png"))
    said = {name: values[0] for name, values in parse_qs(path.query).items()}
    name = path.path.rpartition("/")[2]
    assert ours.check(name, said["expires"], said["signature"]) == ("job_1", 60.0)
    now = 1_060.0
    with pytest.raises(Gone) as gone:
        ours.check(name, said["expires"], said["signature"])
    assert (gone.value.status, gone.value.code) == (410, "link_expired")
    with pytest.raises(NotFound):
        PictureLinks("b", 60, clock=lambda: now).check(name, said["expires"], said["signature"])


async def test_a_picture_that_was_deleted_or_whose_key_was_revoked_is_at_no_link(running: Running) -> None:
    accepted = await running.client.post(PICTURES, json=ASKED, headers=ASYNC)
    job = await ended(running, accepted.json()["id"])
    (link,) = await links(running)
    assert (await running.client.delete(f"/v1/jobs/{job['id']}")).status_code == 200
    assert (await fetched(job["image"]["url"])).status_code == 404
    (key,) = await running.services.keys.all()
    await running.services.keys.revoke(key.id)
    assert (await fetched(link)).status_code == 404


async def test_links_begin_where_callers_reach_the_server(serve: Serve) -> None:
    running = await serve()
    said = {"host": "images.localhost", "x-forwarded-proto": "https", "x-forwarded-prefix": "/drawn"}
    answer = await running.client.post(PICTURES, json=ASKED, headers=said)
    assert answer.json()["data"][0]["url"].startswith("https://images.localhost/drawn/v1/pictures/job_")
    named = await serve(public_url="https://images.example.org/a/")
    (link,) = await links(named)
    assert link.startswith("https://images.example.org/a/v1/pictures/job_")


async def _link_of(server: Node) -> str:
    minted = await server.keys.create("test")
    address, headers = f"http://127.0.0.1:{server.port}", {"authorization": f"Bearer {minted.text}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300) as client:
        return str((await client.post(PICTURES, json=ASKED)).json()["data"][0]["url"])


def _shared(home: Path, url: str | None) -> Shared:
    settings = read_settings({"home": home, "port": 0})
    return Shared(FakeEngine(("postcard",)), PAGE, None, settings, MemoryLedger(), url)


async def test_every_server_of_a_database_takes_the_links_of_the_others(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("with_postgres")()
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(node(_shared(tmp_path, url))) for _ in range(2)]
        link = await _link_of(one)
        first, second = await fetched(link), await fetched(link.replace(str(one.port), str(other.port)))
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.content == second.content


async def test_a_link_lasts_over_a_restart(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    home = request.getfixturevalue("with_database")(tmp_path)
    async with node(_shared(home, None)) as before:
        link = await _link_of(before)
        content = (await fetched(link)).content
    async with node(_shared(home, None)) as after:
        assert (await fetched(link.replace(str(before.port), str(after.port)))).content == content
