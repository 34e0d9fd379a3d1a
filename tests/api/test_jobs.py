"""Durable jobs over HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Running, Serve, until

ASYNC = {"prefer": "respond-async"}


async def accept(running: Running, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """The job of an accepted request."""
    body = {"model": "postcard", "prompt": "a red fox in the snow"} | fields
    answer = await running.client.post(PICTURES, json=body, headers=ASYNC | (headers or {}))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def job_of(running: Running, job_id: str) -> dict[str, Any]:
    answer = await running.client.get(f"/v1/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


async def ended(running: Running, job_id: str) -> dict[str, Any]:
    """The job once it has ended: its events end then."""
    answer = await running.client.get(f"/v1/jobs/{job_id}/events")
    assert answer.text.count("event: end") == 1
    return await job_of(running, job_id)


async def finished(running: Running, **fields: Any) -> dict[str, Any]:
    job = await ended(running, (await accept(running, **fields))["id"])
    assert job["state"] == "finished"
    return job


async def ids(running: Running, **query: str | int) -> list[str]:
    answer = await running.client.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["data"]]


@pytest.fixture
def held() -> FakeEngine:
    """An engine that begins jobs and takes no step."""
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    return engine


async def other_key(running: Running) -> dict[str, str]:
    return {"authorization": f"Bearer {(await running.services.keys.create('other')).text}"}


async def test_a_preference_for_async_is_a_202_that_says_where_the_job_is(running: Running) -> None:
    body = {"model": "stability-image-ultra", "prompt": "a boat", "seed": 7, "aspect_ratio": "16:9", "n": 1}
    answer = await running.client.post(PICTURES, json=body, headers={"prefer": "wait=5, Respond-Async; x=y"})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert (answer.headers["x-safelight-seed"], job["seed"], job["state"]) == ("7", 7, "queued")
    assert job["request"] == {
        "model": "stable-image-ultra",
        "prompt": "a boat",
        "negative_prompt": "",
        "size": "1344x768",
        "aspect_ratio": "16:9",
        "output_format": "png",
        "seed": 7,
    }


async def test_without_the_preference_the_answer_is_the_picture_and_nothing_is_kept(running: Running) -> None:
    answer = await running.draw()
    assert answer.status_code == 200
    assert await ids(running) == []


async def test_a_job_gives_the_bytes_of_the_plain_request(running: Running) -> None:
    job = await finished(running, seed=5, output_format="jpeg")
    plain = await running.draw(model="postcard", prompt="a red fox in the snow", seed=5, output_format="jpeg")
    image = await running.client.get(job["image"]["path"])
    assert image.content == base64.b64decode(plain.json()["data"][0]["b64_json"])
    assert image.headers["content-type"] == "image/jpeg"
    assert len(image.content) == job["image"]["bytes"]
    assert job["progress"] is None
    assert job["created"] <= job["started"] <= job["ended"]


async def test_the_request_of_a_job_asks_for_the_same_picture_again(running: Running) -> None:
    first = await finished(running, aspect_ratio="9:21")
    again = await finished(running, **(first["request"] | {"seed": first["seed"]}))
    images = [await running.client.get(job["image"]["path"]) for job in (first, again)]
    assert images[0].content == images[1].content


async def test_thumbnails_that_are_asked_for_at_once_are_made_once(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, made = await finished(running), list[int]()
    thumbnails = running.services.jobs.library.pictures._thumbnails
    make = thumbnails._thumbnail_of

    def counted(image: bytes) -> bytes:
        made.append(len(image))
        return make(image)

    monkeypatch.setattr(thumbnails, "_thumbnail_of", counted)
    path = job["image"]["thumbnail_path"]
    answers = await asyncio.gather(*(running.client.get(path) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(made) == 1


@pytest.mark.one_process("a start that is alone; of several: tests/service/test_elsewhere.py")
async def test_a_job_that_waited_while_its_words_were_blocked_fails_when_it_is_resumed(
    serve: Serve, held: FakeEngine
) -> None:
    before = await serve(engine=held)
    (owner,) = [key.id for key in await before.services.keys.all()]
    blocked, negative, allowed = [
        (await accept(before, prompt=prompt, negative_prompt=without))["id"]
        for prompt, without in (("a Red\u3000Fox", ""), ("a boat", "red fox"), ("a boat", ""))
    ]
    after = await serve(blocked_prompts=("red fox",))  # another process on the same state folder
    assert await after.services.jobs.tending.resume() == 3
    for job_id in (blocked, negative):
        with after.services.jobs.watch(owner, job_id) as watcher:
            while not (job := await after.services.jobs.library.get(owner, job_id)).has_ended:
                await watcher.next()
        assert job.course.error is not None
        assert (job.course.state, job.course.error.code) == ("failed", "content_policy_violation")
        assert job.image is None
    with after.services.jobs.watch(owner, allowed) as watcher:
        while not (job := await after.services.jobs.library.get(owner, allowed)).has_ended:
            await watcher.next()
    assert job.course.state == "finished"


async def test_a_picture_is_cached_for_good_and_saved_under_a_name(running: Running) -> None:
    job = await finished(running, seed=9)
    shown = await running.client.get(job["image"]["path"])
    assert "immutable" in shown.headers["cache-control"]
    assert shown.headers["content-disposition"].startswith("inline")
    known = await running.client.get(job["image"]["path"], headers={"if-none-match": shown.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    saved = await running.client.get(job["image"]["path"], params={"download": "1"})
    assert saved.headers["content-disposition"] == f'attachment; filename="safelight-9-{job["id"]}.png"'


async def test_a_thumbnail_is_a_small_jpeg_of_the_same_shape(running: Running) -> None:
    job = await finished(running, size="1536x640")
    for _ in range(2):  # made, then read
        answer = await running.client.get(job["image"]["thumbnail_path"])
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == (384, 160)


async def test_a_job_without_a_picture_yet_has_no_file(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    job = await accept(running)
    for what in ("image", "thumbnail"):
        answer = await running.client.get(f"/v1/jobs/{job['id']}/{what}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def until_waiting(running: Running, many: int) -> None:
    """Returns once every server says of so many jobs, those that were accepted last, that they wait, and in which
    order."""
    agree = 0
    while agree < running.servers:  # one after the other is asked
        listed = (await running.client.get("/v1/jobs")).json()["data"]
        places = [job["queue"]["position"] if job["queue"] else None for job in listed]
        agree = agree + 1 if [each for each in places if each] == list(range(many, 0, -1)) else 0


async def test_jobs_wait_in_line_and_say_where(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = [await accept(running, prompt=f"boat {number}") for number in range(2 * running.servers + 3)]
    await until_waiting(running, 3)
    held.gate.set()
    for job in jobs:
        assert (await ended(running, job["id"]))["state"] == "finished"
    assert len(held.drawn) == len(jobs)


async def test_two_jobs_for_each_worker_are_begun_as_many_as_there_are_by_now(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = [await accept(running, prompt=f"boat {number}") for number in range(4 * running.servers + 2)]
    await until_waiting(running, 2 * running.servers + 2)
    held.workers = 2
    jobs.append(await accept(running, prompt="the last boat"))
    await until_waiting(running, 3)
    held.gate.set()
    for job in jobs:
        assert (await ended(running, job["id"]))["state"] == "finished"


async def test_a_cancelled_job_answers_at_once_whether_it_waits_or_runs(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    jobs = [await accept(running, prompt=f"boat {number}") for number in range(3)]
    running_one, waiting_one = jobs[0]["id"], jobs[2]["id"]
    for job_id in (running_one, waiting_one):
        answer = await running.client.post(f"/v1/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    held.gate.set()
    assert (await ended(running, jobs[1]["id"]))["state"] == "finished"
    assert [(await job_of(running, j))["state"] for j in (running_one, waiting_one)] == ["cancelled"] * 2
    assert len(held.drawn) == 1


async def test_cancelling_what_has_ended_changes_nothing(running: Running) -> None:
    job = await finished(running)
    answer = await running.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert answer.json() == job


async def test_delete_cancels_what_runs_and_deletes_what_has_ended_with_its_files(
    serve: Serve, held: FakeEngine
) -> None:
    running = await serve(engine=held)
    job = await accept(running)
    cancelled = await running.client.delete(f"/v1/jobs/{job['id']}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    held.gate.set()
    done = await finished(running, prompt="a boat")
    await running.client.get(done["image"]["thumbnail_path"])
    for job_id in (job["id"], done["id"]):
        deleted = await running.client.delete(f"/v1/jobs/{job_id}")
        assert deleted.json() == {"object": "job.deleted", "id": job_id, "deleted": True}
        assert (await running.client.get(f"/v1/jobs/{job_id}")).status_code == 404
    assert (await running.client.get(done["image"]["path"])).status_code == 404
    assert list(await running.files()) == ["safelight-owner.json"]


async def test_a_job_is_its_owners_alone(running: Running) -> None:
    job, theirs = await finished(running), await other_key(running)
    path = f"/v1/jobs/{job['id']}"
    assert (await running.client.get("/v1/jobs", headers=theirs)).json()["data"] == []
    for method, where in [
        ("GET", path),
        ("GET", f"{path}/image"),
        ("GET", f"{path}/thumbnail"),
        ("GET", f"{path}/events"),
        ("POST", f"{path}/cancel"),
        ("DELETE", path),
    ]:
        answer = await running.client.request(method, where, headers=theirs)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), where
    starred = await running.client.patch(path, json={"starred": True}, headers=theirs)
    assert starred.status_code == 404
    assert (await job_of(running, job["id"])) == job


async def test_a_job_that_cannot_be_drawn_fails_with_the_reason(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="Its weights are damaged."))
    job = await ended(running, (await accept(running))["id"])
    assert (job["state"], job["error"]["code"], job["image"]) == ("failed", "internal_error", None)
    assert "Its weights are damaged." in job["error"]["message"]


async def test_a_job_waits_for_its_model_as_long_as_it_takes(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    running = await serve(engine=engine, load_wait_seconds=0)
    job = await accept(running)
    assert (await running.draw()).status_code == 503
    engine.loaded.set()
    assert (await ended(running, job["id"]))["state"] == "finished"


async def test_a_full_queue_of_work_refuses_no_job_and_a_full_line_does(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held, queue_seconds=0.001, jobs_waiting=2)
    places = 2 * running.servers
    for number in range(places + 2):
        await accept(running, prompt=f"boat {number}")
        await until_waiting(running, max(0, number + 1 - places))
    refused = await running.client.post(PICTURES, json={"model": "postcard", "prompt": "a boat"}, headers=ASYNC)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_overloaded")
    assert int(refused.headers["retry-after"]) >= 1


async def test_a_bad_request_is_refused_before_anything_is_kept(running: Running) -> None:
    answer = await running.client.post(PICTURES, json={"model": "postcard", "prompt": " "}, headers=ASYNC)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
    assert await ids(running) == []


async def test_stars_are_set_and_taken_away(running: Running) -> None:
    job = await finished(running)
    assert job["expires"] == pytest.approx(job["ended"] + 30 * 86_400)
    starred = (await running.client.patch(f"/v1/jobs/{job['id']}", json={"starred": True})).json()
    assert (starred["starred"], starred["expires"]) == (True, None)
    assert await ids(running, starred="true") == [job["id"]]
    await running.client.patch(f"/v1/jobs/{job['id']}", json={"starred": False})
    assert await ids(running, starred="true") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"starred": 1}, "invalid_value"),
        ({"starred": True, "state": "finished"}, "unknown_parameter"),
    ],
)
async def test_nothing_but_the_star_can_be_changed(running: Running, body: dict[str, object], code: str) -> None:
    answer = await running.client.patch("/v1/jobs/job_x", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_the_list_pages_newest_first_and_ends(running: Running) -> None:
    made = [(await finished(running, prompt=f"boat {number}"))["id"] for number in range(5)]
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 2, "total": "true"}
    while True:
        page = (await running.client.get("/v1/jobs", params=query)).json()
        seen += [job["id"] for job in page["data"]]
        assert page["total"] == 5
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == made[::-1]


async def test_the_list_is_filtered_by_everything_that_is_promised(running: Running) -> None:
    fox = await finished(running, prompt="Ein roter Füchsling im Schnee")
    boat = await finished(running, prompt="a boat, a fox", model="stable-image-ultra")
    assert await ids(running, q="FUCHS") == [fox["id"]]
    assert await ids(running, q="fox boat") == [boat["id"]]
    assert await ids(running, q='"AND" -fox*') == []
    assert await ids(running, q=",") == [boat["id"]]
    assert await ids(running, model="stability-image-ultra") == [boat["id"]]
    assert await ids(running, state="failed,finished", limit=1) == [boat["id"]]
    assert await ids(running, state="queued") == []
    assert await ids(running, **{"from": boat["created"]}) == [boat["id"]]
    assert await ids(running, to=fox["created"]) == [fox["id"]]
    assert await ids(running, to="2020-01-01") == []
    assert await ids(running, **{"from": "2020-01-01T00:00:00+01:00"}) == [boat["id"], fox["id"]]
    assert await ids(running, q="fox", total="true", starred="false") == [boat["id"]]


async def test_the_list_is_filtered_by_shape(running: Running) -> None:
    wide = await finished(running, size="1344x768")
    high = await finished(running, size="768x1344")
    even = await finished(running, size="1024x1024")
    assert await ids(running, shape="landscape") == [wide["id"]]
    assert await ids(running, shape="portrait") == [high["id"]]
    assert await ids(running, shape="square") == [even["id"]]
    assert await ids(running, shape="") == [even["id"], high["id"], wide["id"]]
    page = (await running.client.get("/v1/jobs", params={"shape": "landscape", "total": "true"})).json()
    assert page["total"] == 1


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "invalid_value"),
        ("limit", "201", "invalid_value"),
        ("cursor", "zz", "invalid_value"),
        ("state", "done", "invalid_value"),
        ("from", "yesterday", "invalid_value"),
        ("starred", "yes", "invalid_value"),
        ("shape", "wide", "invalid_value"),
        ("q", "x" * 1001, "invalid_value"),
        ("prompt", "fox", "unknown_parameter"),
    ],
)
async def test_a_list_that_cannot_be_understood_is_refused_by_name(
    running: Running, name: str, value: str, code: str
) -> None:
    answer = await running.client.get("/v1/jobs", params={name: value})
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (name, code)


async def test_everything_is_kept_where_the_operator_says_so(serve: Serve) -> None:
    running = await serve(store="all")
    answer = await running.draw(seed=3)
    (job,) = (await running.client.get("/v1/jobs")).json()["data"]
    assert (job["state"], job["seed"]) == ("finished", 3)
    image = (await running.client.get(job["image"]["path"])).content
    assert image == base64.b64decode(answer.json()["data"][0]["b64_json"])


# Idempotency-Key


async def once(running: Running, key: str, **fields: Any) -> httpx.Response:
    body = {"model": "postcard", "prompt": "a boat"} | fields
    return await running.client.post(PICTURES, json=body, headers={"idempotency-key": key})


async def test_the_same_key_and_body_get_the_same_answer_drawn_once(running: Running) -> None:
    first, second = await once(running, "k1"), await once(running, "k1")
    assert first.status_code == 200
    assert first.content == second.content
    assert first.headers["x-safelight-seed"] == second.headers["x-safelight-seed"]
    assert len(running.engine.drawn) == 1
    assert await ids(running) == []


async def test_the_same_key_at_the_same_time_is_drawn_once(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    both = [asyncio.create_task(once(running, "k1")) for _ in range(2)]
    held.gate.set()
    first, second = await asyncio.gather(*both)
    assert first.content == second.content
    assert len(held.drawn) == 1


async def test_a_request_that_may_be_repeated_waits_for_its_model_as_long_as_any_other(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.loaded.clear()
    running = await serve(engine=engine, load_wait_seconds=0)
    refused = await once(running, "k1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_loading")
    assert int(refused.headers["retry-after"]) >= 1
    engine.loaded.set()
    await until(lambda: engine.drawn)  # what was asked for is drawn all the same
    answer = await once(running, "k1")
    assert answer.status_code == 200
    assert len(engine.drawn) == 1


async def test_another_body_or_another_owner_is_another_matter(running: Running) -> None:
    first = await once(running, "k1")
    reused = await once(running, "k1", seed=4)
    assert (reused.status_code, reused.json()["error"]["code"]) == (400, "idempotency_key_reused")
    theirs = await other_key(running)
    body = {"model": "postcard", "prompt": "another boat"}
    other = await running.client.post(PICTURES, json=body, headers=theirs | {"idempotency-key": "k1"})
    assert other.status_code == 200
    assert other.content != first.content


async def test_an_async_request_with_the_same_key_is_the_same_job(running: Running) -> None:
    jobs = [await accept(running, headers={"idempotency-key": "k2"}) for _ in range(2)]
    assert jobs[0]["id"] == jobs[1]["id"]
    assert await ids(running) == [jobs[0]["id"]]


@pytest.mark.parametrize("key", ["", "with space", "x" * 256])
async def test_a_key_that_is_no_key_is_refused(running: Running, key: str) -> None:
    answer = await once(running, key)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "Idempotency-Key")
