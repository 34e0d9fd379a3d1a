"""Files and batches over HTTP: many requests at once, drawn behind everything that somebody waits for."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import FINGERPRINT
from safelight.contract.records.batches import MOST_LINES
from safelight.service.batches import course
from safelight.service.batches import files as batch_files
from safelight.service.batches.batches import KEEP_SECONDS
from tests.api.conftest import PICTURES, Running, Serve, until, until_seen
from tests.api.test_jobs import held, ids, other_key

__all__ = ["held"]

BATCH = {"endpoint": PICTURES, "completion_window": "24h"}


def line(custom_id: str, **body: Any) -> bytes:
    """A line that asks for a small picture."""
    asked = {"model": "postcard", "prompt": "a boat", "size": "64x64"} | body
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": PICTURES, "body": asked}).encode()


@asynccontextmanager
async def drawing(running: Running) -> AsyncIterator[None]:
    """While this is entered, batches are drawn. Of several servers all do so from their start."""
    if running.services.jobs.peers.shared:
        yield
        return
    work = asyncio.create_task(running.services.batches.runner.go_on(others_are_gone=True))
    try:
        yield
        # Not after a failure: what is drawn may stand still by then, and its end would be waited for in vain.
        await running.services.batches.runner.settle()
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def uploaded(running: Running, *lines: bytes, name: str = "in.jsonl") -> str:
    content = b"\n".join(lines) + b"\n"
    answer = await running.client.post("/v1/files", data={"purpose": "batch"}, files={"file": (name, content)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["bytes"] == len(content)
    return str(answer.json()["id"])


async def begun(running: Running, *lines: bytes, **fields: Any) -> dict[str, Any]:
    body = BATCH | {"input_file_id": await uploaded(running, *lines)} | fields
    answer = await running.client.post("/v1/batches", json=body)
    assert answer.status_code == 200, answer.text
    batch: dict[str, Any] = answer.json()
    return batch


async def stands(running: Running, batch: dict[str, Any]) -> dict[str, Any]:
    answer = await running.client.get(f"/v1/batches/{batch['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(running: Running, batch: dict[str, Any]) -> dict[str, Any]:
    unfinished = ("validating", "in_progress", "cancelling")
    return await until_seen(lambda: stands(running, batch), lambda found: found["status"] not in unfinished)


async def lines_of(running: Running, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    content = await running.client.get(f"/v1/files/{file_id}/content")
    assert content.status_code == 200, content.text
    told = (await running.client.get(f"/v1/files/{file_id}")).json()
    assert told["bytes"] == len(content.content)
    assert told["purpose"] == "batch_output"
    return [json.loads(each) for each in content.content.splitlines()]


def by_id(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["custom_id"]: each for each in lines}


async def test_every_line_is_answered_with_the_bytes_of_the_plain_request(running: Running) -> None:
    asked = [
        line("a", seed=5),
        line("b", seed=6, n=2, output_format="jpeg"),
        line("c", model="stable-image-ultra", size="1024x1024"),
    ]
    async with drawing(running):
        batch = await ended(running, await begun(running, *asked, metadata={"for": "a test"}))
    assert (batch["status"], batch["error_file_id"]) == ("completed", None)
    assert batch["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
    assert batch["metadata"] == {"for": "a test"}
    answers = by_id(await lines_of(running, batch["output_file_id"]))
    assert list(answers) == ["a", "b", "c"]
    for each in answers.values():
        assert (each["error"], each["response"]["status_code"]) == (None, 200)
    plain = await running.draw(model="postcard", size="64x64", seed=6, n=2, output_format="jpeg")
    body = answers["b"]["response"]["body"]
    assert body | {"created": 0} == plain.json() | {"created": 0}
    assert set(answers["c"]["response"]["body"]) == {"created", "data"}
    assert await ids(running) == []
    keys = {entry.request_id for entry in running.ledger.entries}
    assert {answers[name]["response"]["request_id"] for name in "abc"} <= keys


async def test_what_is_wrong_with_a_line_costs_that_line_alone(running: Running) -> None:
    asked = [
        line("good", seed=1),
        b"{",
        b"[]",
        line("good", seed=2),
        line("refused", size="1x1"),
        line("unknown", model="none"),
        line("stream", stream=True),
        line("links", response_format="url"),
        line("moved").replace(b"generations", b"edits"),
        line("read").replace(b'"POST"', b'"GET"'),
        b'{"method": "POST"}',
        b'{"custom_id": "empty", "method": "POST", "url": "/v1/images/generations", "body": 5}',
        b"",
        line("long", prompt="x" * 1_100_000),
        line("last", seed=1),
    ]
    async with drawing(running):
        batch = await ended(running, await begun(running, *asked))
    assert batch["request_counts"] == {"total": 14, "completed": 2, "failed": 12}
    assert list(by_id(await lines_of(running, batch["output_file_id"]))) == ["good", "last"]
    errors = await lines_of(running, batch["error_file_id"])
    codes = [each["error"]["code"] if each["error"] else each["response"]["body"]["error"]["code"] for each in errors]
    assert codes == [
        "invalid_json_line",
        "invalid_json_line",
        "duplicate_custom_id",
        "invalid_value",
        "model_not_found",
        "invalid_value",
        "invalid_value",
        "invalid_value",
        "invalid_value",
        "invalid_value",
        "invalid_value",
        "invalid_json_line",
    ]
    refused = by_id(errors)["refused"]["response"]
    assert (refused["status_code"], refused["body"]["error"]["param"]) == (400, "size")


async def test_a_batch_that_is_cancelled_answers_the_rest_as_error_lines(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    async with drawing(running):
        batch = await begun(running, *(line(str(number), seed=number) for number in range(1, 101)))
        await until(lambda: held.submitted)
        cancelled = (await running.client.post(f"/v1/batches/{batch['id']}/cancel")).json()
        assert cancelled["status"] == "cancelling"
        batch = await ended(running, batch)
        assert (batch["status"], batch["output_file_id"]) == ("cancelled", None)
        assert batch["cancelled_at"] >= batch["cancelling_at"]
        errors = await lines_of(running, batch["error_file_id"])
        assert [each["custom_id"] for each in errors] == [str(number) for number in range(1, 101)]
        assert {each["error"]["code"] for each in errors} == {"batch_cancelled"}
        assert {each["response"] for each in errors} == {None}
        again = (await running.client.post(f"/v1/batches/{batch['id']}/cancel")).json()
        assert again["status"] == "cancelled"
    held.gate.set()


async def test_a_batch_that_is_not_done_in_a_day_expires(
    serve: Serve, held: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await serve(engine=held)
    runner = running.services.batches.runner
    batch = await begun(running, b"{", *(line(str(number), seed=number) for number in range(1, 6)))
    assert batch["expires_at"] - batch["created_at"] == 86_400
    async with drawing(running):
        await until(lambda: held.submitted)
        clock = runner._clock
        monkeypatch.setattr(runner, "_clock", lambda: clock() + 86_401)
        runner.wake()
        batch = await ended(running, batch)
        held.gate.set()
    assert (batch["status"], batch["expired_at"] >= batch["created_at"]) == ("expired", True)
    assert (batch["completed_at"], batch["cancelled_at"], batch["output_file_id"]) == (None, None, None)
    late = await lines_of(running, batch["error_file_id"])
    assert [each["error"]["code"] for each in late] == ["invalid_json_line"] + 5 * ["batch_expired"]
    assert {each["response"] for each in late} == {None}


async def test_one_that_is_cancelled_before_it_is_read_answers_every_line(running: Running) -> None:
    batch = await begun(running, line("a"), line("b"), b"{")
    await running.client.post(f"/v1/batches/{batch['id']}/cancel")
    async with drawing(running):
        batch = await ended(running, batch)
    errors = await lines_of(running, batch["error_file_id"])
    assert [each["error"]["code"] for each in errors] == ["batch_cancelled", "batch_cancelled", "invalid_json_line"]


async def test_who_waits_goes_before_everything_of_a_batch(serve: Serve) -> None:
    engine = FakeEngine(("postcard",), capacity=8)
    engine.gate.clear()
    running = await serve(engine=engine)
    async with drawing(running):
        batch = await begun(running, *(line(str(number), seed=number) for number in range(1, 9)))
        await until(lambda: len(engine.submitted) == 2)
        assert (await engine.turn()).share.background
        waiting = asyncio.create_task(running.draw(seed=99))
        await until(lambda: engine.parked == 3)
        turns = [await engine.turn() for _ in range(4)]
        assert [order.share.background for order in turns] == [False] * 4
        assert (await waiting).status_code == 200
        engine.gate.set()
        batch = await ended(running, batch)
    assert batch["request_counts"]["completed"] == 8


async def test_the_same_picture_is_not_waited_for_in_the_background(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    async with drawing(running):
        await begun(running, line("a", seed=5))
        await until(lambda: held.submitted)
        waiting = asyncio.create_task(running.draw(model="postcard", size="64x64", seed=5))
        await until(lambda: len(held.submitted) == 2)
        held.gate.set()
        await waiting


@pytest.mark.one_process("it takes its line away from itself")
async def test_a_line_that_was_begun_before_asks_for_the_same_fingerprint(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    runner = running.services.batches.runner

    async def began_with(batch: dict[str, Any]) -> list[str | None]:
        return [each.began_with for each in await runner._store.lines(batch["id"], "waiting", 0, 9)]

    async with drawing(running):
        batch = await begun(running, line("a", seed=5))
        async with asyncio.timeout(60):
            await until_seen(lambda: began_with(batch), lambda found: found == [FINGERPRINT])
        await runner._store.take_back("another")
        await runner.renew()
        await until(lambda: len(held.submitted) == 2)
        assert [each.began_with for each in held.submitted] == [None, FINGERPRINT]
        held.gate.set()
        assert (await ended(running, batch))["request_counts"] == {"total": 1, "completed": 1, "failed": 0}


async def test_lines_are_no_jobs_and_count_for_no_rate_and_no_place_in_the_line(serve: Serve) -> None:
    running = await serve(jobs_waiting=1, rate_limit_per_minute=2)
    async with drawing(running):
        batch = await ended(running, await begun(running, *(line(str(number)) for number in range(20))))
    assert batch["request_counts"]["completed"] == 20
    assert (await running.draw()).headers["x-ratelimit-remaining-requests"] == "1"


async def test_lines_count_for_quotas_and_those_beyond_are_refused(serve: Serve) -> None:
    running = await serve(quotas={"pictures_per_day": 3})
    async with drawing(running):
        batch = await ended(running, await begun(running, line("a", n=2), line("b"), line("c"), line("d", size="1x1")))
    assert batch["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
    errors = by_id(await lines_of(running, batch["error_file_id"]))
    refused = errors["c"]["response"]
    assert (refused["status_code"], refused["body"]["error"]["code"]) == (429, "quota_exceeded")


async def test_a_line_that_asks_for_what_its_key_may_not_use_is_refused(running: Running) -> None:
    bound = {"authorization": f"Bearer {(await running.services.keys.create('bound', ('postcard',))).text}"}
    running.client.headers.update(bound)
    async with drawing(running):
        batch = await ended(
            running, await begun(running, line("a"), line("b", model="stable-image-ultra", size="1024x1024"))
        )
    (error,) = await lines_of(running, batch["error_file_id"])
    assert error["response"]["body"]["error"]["code"] == "model_not_allowed"
    assert error["response"]["status_code"] == 403


async def test_a_key_that_is_revoked_has_nothing_more_drawn(serve: Serve, held: FakeEngine) -> None:
    running = await serve(engine=held)
    batch = await begun(running, line("a"), line("b"))
    (key,) = await running.services.keys.all()
    await running.services.keys.revoke(key.id)
    async with drawing(running):
        store = running.services.batches.store
        found = await until_seen(
            lambda: store.get(key.id, batch["id"]), lambda found: found is not None and found.has_ended
        )
    assert found is not None
    assert (found.status, held.submitted) == ("cancelled", [])


async def test_files_are_listed_read_and_deleted_by_their_owner_alone(running: Running) -> None:
    first, second = await uploaded(running, line("a")), await uploaded(running, line("b"), name="../b.jsonl")
    listed = (await running.client.get("/v1/files")).json()
    assert [each["id"] for each in listed["data"]] == [second, first]
    assert [each["filename"] for each in listed["data"]] == ["b.jsonl", "in.jsonl"]
    page = (await running.client.get("/v1/files", params={"limit": 1, "order": "asc"})).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([first], True)
    rest = await running.client.get("/v1/files", params={"after": page["last_id"], "order": "asc", "purpose": "batch"})
    assert [each["id"] for each in rest.json()["data"]] == [second]
    content = await running.client.get(f"/v1/files/{first}/content")
    assert content.content == line("a") + b"\n"
    other = await other_key(running)
    assert (await running.client.get("/v1/files", headers=other)).json()["data"] == []
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        answer = await running.client.request(method, f"/v1/files/{first}{path}", headers=other)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    using = await running.client.post("/v1/batches", json=BATCH | {"input_file_id": first}, headers=other)
    assert (using.status_code, using.json()["error"]["param"]) == (404, "input_file_id")
    deleted = await running.client.delete(f"/v1/files/{first}")
    assert deleted.json() == {"id": first, "object": "file", "deleted": True}
    assert (await running.client.get(f"/v1/files/{first}")).status_code == 404


async def test_batches_are_listed_newest_first_to_their_owner_alone(running: Running) -> None:
    made = [(await begun(running, line("a")))["id"] for _ in range(3)]
    page = (await running.client.get("/v1/batches", params={"limit": 2})).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([made[2], made[1]], True)
    rest = (await running.client.get("/v1/batches", params={"after": page["last_id"]})).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([made[0]], False)
    other = await other_key(running)
    assert (await running.client.get("/v1/batches", headers=other)).json()["data"] == []
    for method, tail in (("GET", ""), ("POST", "/cancel")):
        answer = await running.client.request(method, f"/v1/batches/{made[0]}{tail}", headers=other)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"endpoint": "/v1/images/edits"}, "endpoint"),
        ({"endpoint": "/v1/chat/completions"}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"input_file_id": 5}, "input_file_id"),
        ({"metadata": {"a": 5}}, "metadata"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"priority": 1}, "priority"),
    ],
)
async def test_what_is_wrong_with_a_batch_is_said_by_its_name(
    running: Running, fields: dict[str, Any], param: str
) -> None:
    answer = await running.client.post("/v1/batches", json=BATCH | {"input_file_id": "file-0"} | fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("data", "files", "param"),
    [
        ({}, {"file": b"{}"}, "purpose"),
        ({"purpose": "fine-tune"}, {"file": b"{}"}, "purpose"),
        ({"purpose": "batch"}, {"other": b"{}"}, "other"),
        ({"purpose": "batch"}, {"file": b""}, "file"),
        ({"purpose": "batch", "expires_after[seconds]": "5"}, {"file": b"{}"}, "expires_after[seconds]"),
    ],
)
async def test_what_is_wrong_with_an_upload_is_said_by_its_name(
    running: Running, data: dict[str, str], files: dict[str, bytes], param: str
) -> None:
    sent = {name: ("a.jsonl", content) for name, content in files.items()}
    answer = await running.client.post("/v1/files", data=data, files=sent)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert (await running.client.get("/v1/files")).json()["data"] == []


async def test_a_file_that_is_no_form_or_too_large_is_refused(running: Running) -> None:
    assert (await running.client.post("/v1/files", json={"purpose": "batch"})).status_code == 415
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(300 * 1024 * 1024)}
    head = f"POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {running.key}\r\n"
    said = await running.raw((head + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + "\r\n").encode())
    assert b"413" in said.partition(b"\r\n")[0]


async def test_a_file_of_several_pieces_comes_back_whole_and_a_batch_reads_over_their_seams(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_files, "PIECE_BYTES", 100)
    asked = [line(str(number), seed=number) for number in range(1, 8)]
    async with drawing(running):
        batch = await ended(running, await begun(running, *asked))
    content = await running.client.get(f"/v1/files/{batch['input_file_id']}/content")
    assert content.content == b"\n".join(asked) + b"\n"
    assert list(by_id(await lines_of(running, batch["output_file_id"]))) == [str(number) for number in range(1, 8)]


@pytest.mark.parametrize(("lines", "code"), [((b" ",), "empty_file"), ((b"{}",) * 601, "too_many_lines")])
async def test_a_file_that_is_no_batch_fails_as_a_whole(
    running: Running, monkeypatch: pytest.MonkeyPatch, lines: tuple[bytes, ...], code: str
) -> None:
    """The bound is 50,000 lines; some are taken in before one is too many, as of a file that long."""
    assert (MOST_LINES, course._READ_AT_ONCE) == (50_000, 500)
    monkeypatch.setattr(course, "MOST_LINES", 600)
    async with drawing(running):
        batch = await ended(running, await begun(running, *lines))
    assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", code)
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}


async def test_a_file_that_is_deleted_takes_its_pictures_along_and_all_go_after_a_month(running: Running) -> None:
    async with drawing(running):
        first = await ended(running, await begun(running, line("a")))
        second = await ended(running, await begun(running, line("b")))
    batches = running.services.batches

    async def kept(batch: dict[str, Any]) -> int:
        files = batches.files._files
        return sum([len(entries) async for entries in files.entries(batch["id"])])

    assert (await kept(first), await kept(second)) == (1, 1)
    await running.client.delete(f"/v1/files/{first['output_file_id']}")
    assert (await kept(first), await kept(second)) == (0, 1)
    assert await batches.forget() == 0
    later = type(batches)(
        store=batches.store,
        files=batches.files,
        runner=batches.runner,
        clock=lambda: batches.clock() + KEEP_SECONDS + 60,
    )
    assert await later.forget() == 4
    assert await kept(second) == 0
    for path in ("batches", "files"):
        assert (await running.client.get(f"/v1/{path}")).json()["data"] == []


async def test_a_picture_that_breaks_the_engine_is_an_error_line(serve: Serve) -> None:
    running = await serve(engine=FakeEngine(("postcard",), broken="It is broken."))
    async with drawing(running):
        batch = await ended(running, await begun(running, line("a")))
    (error,) = await lines_of(running, batch["error_file_id"])
    assert error["response"]["status_code"] == 500


async def test_an_output_holds_the_picture_in_base64(running: Running) -> None:
    async with drawing(running):
        batch = await ended(running, await begun(running, line("a", seed=5)))
    (answer,) = await lines_of(running, batch["output_file_id"])
    (item,) = answer["response"]["body"]["data"]
    assert base64.b64decode(item["b64_json"]).startswith(b"\x89PNG")
    assert item["revised_prompt"] == ""


async def test_nobody_without_a_key_is_told_anything(running: Running) -> None:
    batch = await begun(running, line("a"))
    async with httpx.AsyncClient(base_url=running.client.base_url, timeout=300) as nobody:
        for path in ("/v1/files", "/v1/batches", f"/v1/batches/{batch['id']}"):
            assert (await nobody.get(path)).status_code == 401
