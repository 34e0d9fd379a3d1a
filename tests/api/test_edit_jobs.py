"""Jobs of edits: what they draw from is kept with them, drawn from again after a restart, and goes with them."""

from __future__ import annotations

import asyncio
import hashlib
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from safelight.service.keeping.sweep import Sweep
from tests.api.conftest import Running, Serve, serve, until
from tests.api.test_edits import EDITS, by_form, edit, refusal, url_of
from tests.api.test_jobs import other_key
from tests.sent_pictures import BLUE, halves, one_colour

__all__ = ["serve"]  # a fixture

ASYNC = {"prefer": "respond-async"}


async def kept(running: Running) -> dict[str, bytes]:
    """What the place for pictures holds of what jobs draw from."""
    return {name: content for name, content in (await running.files()).items() if ".in" in name}


async def ended(running: Running, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it has ended."""
    while True:
        found: dict[str, Any] = (await running.client.get(f"/v1/jobs/{job['id']}")).json()
        if found["ended"] is not None:
            return found
        await asyncio.sleep(0.01)


async def image(running: Running, job: dict[str, Any]) -> bytes:
    return (await running.client.get(f"/v1/jobs/{job['id']}/image")).content


async def test_a_job_draws_what_the_answer_would_be_and_keeps_its_pictures(running: Running) -> None:
    picture, mask = halves(), one_colour(colour=255, mode="L")
    accepted = await edit(running, picture, mask=mask, strength=0.5, headers=ASYNC)
    assert accepted.status_code == 202
    job = await ended(running, accepted.json())
    assert job["state"] == "finished"
    told = {"bytes": len(picture), "width": 96, "height": 64, "sha256": hashlib.sha256(picture).hexdigest()}
    assert job["request"]["images"] == [told]
    assert job["request"]["mask"]["sha256"] == hashlib.sha256(mask).hexdigest()
    assert (job["request"]["size"], job["request"]["strength"]) == ("96x64", 0.5)
    assert await kept(running) == {f"{job['id']}.in0": picture, f"{job['id']}.in1": mask}
    plain = (await edit(running, picture, mask=mask, strength=0.5)).json()["data"][0]["b64_json"]
    assert url_of(await image(running, job)).endswith(plain)


@pytest.mark.parametrize(("output_format", "media_type"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
async def test_its_owner_gets_them_back_as_they_came(running: Running, output_format: str, media_type: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (96, 64), "teal").save(file, output_format)
    picture, mask, theirs = file.getvalue(), one_colour(colour=255, mode="L"), await other_key(running)
    job = await ended(running, (await edit(running, picture, mask=mask, headers=ASYNC)).json())
    for place, sent, kind in ((0, picture, media_type), (1, mask, "png")):
        path = f"/v1/jobs/{job['id']}/inputs/{place}"
        answer = await running.client.get(path)
        assert (answer.content, answer.headers["content-type"]) == (sent, f"image/{kind}")
        assert "sandbox" in answer.headers["content-security-policy"]
        assert (await running.client.get(path, headers=theirs)).status_code == 404
    for nowhere in ("2", "-1", "x", "99999"):
        assert (await running.client.get(f"/v1/jobs/{job['id']}/inputs/{nowhere}")).status_code == 404
    await running.client.delete(f"/v1/jobs/{job['id']}")
    assert (await running.client.get(f"/v1/jobs/{job['id']}/inputs/0")).status_code == 404


async def test_its_pictures_go_with_it(running: Running) -> None:
    job = await ended(running, (await edit(running, halves(), headers=ASYNC)).json())
    assert len(await kept(running)) == 1
    assert (await running.client.delete(f"/v1/jobs/{job['id']}")).status_code == 200
    assert await kept(running) == {}


async def test_a_job_that_was_cancelled_keeps_them_as_long_as_itself(running: Running) -> None:
    running.engine.gate.clear()
    job = (await edit(running, halves(), headers=ASYNC)).json()
    await running.client.post(f"/v1/jobs/{job['id']}/cancel")
    running.engine.gate.set()
    assert (await ended(running, job))["state"] == "cancelled"
    retention = running.services.jobs.retention
    later = retention.clock() + 2 * 86_400
    sweep: Sweep = retention._sweep
    await sweep.collect(later)
    assert len(await kept(running)) == 1
    await running.client.delete(f"/v1/jobs/{job['id']}")
    assert await kept(running) == {}


async def test_pictures_are_checked_before_the_202(running: Running) -> None:
    assert refusal(await edit(running, b"hello", headers=ASYNC))[1] == "invalid_image"
    assert await kept(running) == {}
    assert (await running.client.get("/v1/jobs")).json()["data"] == []


async def test_the_same_key_is_the_same_job_and_another_file_is_another_matter(running: Running) -> None:
    once = ASYNC | {"idempotency-key": "once"}
    one, same = [(await edit(running, halves(), headers=once)).json() for _ in range(2)]
    assert one["id"] == same["id"]
    other = await edit(running, one_colour(), headers=once)
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")
    await ended(running, one)
    assert len(await kept(running)) == 1


async def test_the_key_covers_files_and_not_the_forms_text(running: Running) -> None:
    async def ask(boundary: str, content: bytes, name: str) -> httpx.Response:
        fields = {"model": "postcard", "prompt": "at night", "seed": "7"}
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        body = "".join([*parts, head]).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return await running.client.post(EDITS, content=body, headers={"content-type": kind, "idempotency-key": "k"})

    one = await ask("aaa", halves(), "a.png")
    same = await ask("bbb", halves(), "b.jpeg")
    assert (one.status_code, one.content) == (200, same.content)
    assert (await ask("aaa", one_colour(), "a.png")).status_code == 400
    as_json = await edit(running, halves(), headers={"idempotency-key": "k"})
    assert as_json.content == one.content


async def test_everything_that_is_kept_keeps_what_it_was_drawn_from(serve: Serve) -> None:
    running = await serve(store="all")
    assert (await by_form(running, halves(), n="2")).status_code == 200
    jobs = (await running.client.get("/v1/jobs")).json()["data"]
    assert sorted(await kept(running)) == sorted(f"{job['id']}.in0" for job in jobs)
    assert len(jobs) == 2


async def test_what_it_draws_from_counts_for_what_a_key_holds(running: Running) -> None:
    large = one_colour(colour=BLUE) + bytes(100_000)
    job = await ended(running, (await edit(running, large, headers=ASYNC)).json())
    held = await running.services.jobs.retention._store.held()
    assert job["image"]["bytes"] + len(large) < held[0].bytes


@pytest.mark.one_process("it deletes a file behind the server's back")
async def test_a_job_whose_picture_is_gone_says_so(running: Running) -> None:
    running.engine.loaded.clear()
    job = (await edit(running, halves(), headers=ASYNC)).json()
    for path in (running.services.settings.home / "files").rglob("job_*.in*"):
        path.unlink()
    running.engine.loaded.set()
    done = await ended(running, job)
    assert (done["state"], done["error"]["message"]) == ("failed", "A picture that this job draws from is gone.")


@pytest.mark.one_process("of several servers another draws it at once: tests/e2e/test_several.py")
async def test_after_a_restart_it_draws_from_them_again(serve: Serve) -> None:
    first = await serve()
    plain = (await edit(first, halves())).json()["data"][0]["b64_json"]
    first.engine.gate.clear()
    job = (await edit(first, halves(), headers=ASYNC)).json()
    await until(lambda: first.services.generate.pictures.waiting)
    await first.engine.stop()
    await first.services.jobs.tending.settle()
    second = await serve()
    assert await second.services.jobs.tending.resume() == 1
    await until(lambda: second.engine.drawn)
    one, again = (running.engine.submitted[-1].recipe for running in (first, second))
    assert one.inputs == again.inputs
    owner = next(iter(await first.services.keys.all())).id
    library = second.services.jobs.library
    await until(lambda: second.services.jobs.runner.counts == (0, 0))
    _, found = await library.pictures.image(owner, job["id"])
    assert url_of(found).endswith(plain)
