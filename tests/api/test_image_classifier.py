"""A real classifier of images, in its process, before a server with the fake engine: it stands on every way out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from safelight.adapters.filtering.classifier import ClassifierFilter
from safelight.bootstrap.use_cases.filters import look_at_classifier
from safelight.contract.errors import ConfigurationError
from safelight.service.ports.filters import FilterFailed, Question, Verdict
from safelight.settings import read_settings
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.api.test_batches import begun, by_id, drawing, ended, line, lines_of
from tests.forking.making import make
from tests.forking.starting import anew, forked
from tests.sent_pictures import one_colour

OPEN = {"postcard": {"source": "postcard"}, "stable-image-ultra": {"source": "postcard"}}
PATIENT: dict[str, Any] = {"filter_seconds": 60, "models": OPEN, "sdapi": True}
SAID = "The operator of this server does not allow this picture. Reason: nsfw"


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A classifier that gives its bias to whatever it is shown."""
    folder = tmp_path_factory.mktemp("refusing")
    before = forked()
    make("benchmarks.checkpoints.classifiers", "vit", folder, bias={"normal": 0.0, "nsfw": 2.0})
    assert sys.platform != "linux" or forked() > before
    return str(folder)


@pytest.fixture(scope="module")
def allowing(refusing: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = copied(refusing, tmp_path_factory.mktemp("allowing"))
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][:] = [2.0, 0.0]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def copied(classifier: str, folder: Path) -> Path:
    shutil.copytree(classifier, folder, dirs_exist_ok=True)
    return folder


async def ends(running: Running) -> list[tuple[str, str | None]]:
    """How each way out ends: its name, and the code of its error."""
    body = {"model": "postcard", "prompt": "a boat", "size": "64x64"}
    client = running.client
    found: list[tuple[str, str | None]] = []

    plain = await client.post(PICTURES, json=body)
    found.append(("plain", plain.json().get("error", {}).get("code")))
    heroku = await client.post(PICTURES, json={"model": "stable-image-ultra", "prompt": "a boat"})
    found.append(("strict", heroku.json().get("error", {}).get("code")))

    stream = (await client.post(PICTURES, json=body | {"stream": True, "partial_images": 2})).text
    found.append(("stream", "content_policy_violation" if "content_policy_violation" in stream else None))
    assert ("b64_json" in stream) == (found[-1][1] is None)
    assert "partial_image\n" not in stream

    job = (await client.post(PICTURES, json=body, headers={"prefer": "respond-async"})).json()
    await client.get(f"/v1/jobs/{job['id']}/events")
    ended_job = (await client.get(f"/v1/jobs/{job['id']}")).json()
    found.append(("job", (ended_job.get("error") or {}).get("code")))

    files = {"image": ("in.png", one_colour(), "image/png")}
    edit = await client.post("/v1/images/edits", data={"model": "postcard", "prompt": "a boat"}, files=files)
    found.append(("edit", edit.json().get("error", {}).get("code")))

    async with drawing(running):
        batch = await ended(running, await begun(running, line("a")))
    answers = by_id(await lines_of(running, batch["output_file_id"] or batch["error_file_id"]))
    found.append(("batch", answers["a"]["response"]["body"].get("error", {}).get("code")))

    sdapi = await client.post("/sdapi/v1/txt2img", json={"prompt": "a boat", "width": 64, "height": 64, "steps": 2})
    found.append(("sdapi", "content_policy_violation" if SAID in sdapi.text else None))
    assert ("images" in sdapi.json()) == (found[-1][1] is None)
    return found


WAYS = ["plain", "strict", "stream", "job", "edit", "batch", "sdapi"]


async def test_a_picture_over_the_threshold_goes_out_on_no_way(serve: Serve, refusing: str) -> None:
    running = await serve(image_classifier={"source": refusing}, **PATIENT)
    assert await ends(running) == [(way, "content_policy_violation") for way in WAYS]
    refused = await running.draw(prompt="a boat")
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, SAID)


async def test_a_picture_below_the_threshold_goes_out_on_every_way(serve: Serve, allowing: str) -> None:
    running = await serve(image_classifier={"source": allowing}, **PATIENT)
    assert await ends(running) == [(way, None) for way in WAYS]


async def test_a_classifier_that_cannot_be_loaded_refuses_all_or_allows_all_as_set(
    serve: Serve, refusing: str, tmp_path: Path
) -> None:
    broken = copied(refusing, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    for on_failure, status in (("refuse", 500), ("allow", 200)):
        running = await serve(image_classifier={"source": str(broken)}, filter_failure=on_failure, **PATIENT)
        assert (await running.draw(prompt="a boat")).status_code == status


@asynccontextmanager
async def loaded(source: str, seconds: float = 60, **refuse: float) -> AsyncIterator[tuple[ClassifierFilter, Question]]:
    judge = ClassifierFilter(source, None, refuse or {"nsfw": 0.5}, seconds)
    try:
        judge.begin()
        await until(lambda: judge.pid is not None)
        yield judge, Question(model="m", prompt="a boat", image=one_colour(), media_type="image/png")
    finally:
        await judge.close()


async def test_the_threshold_decides(refusing: str) -> None:
    async with loaded(refusing, nsfw=0.89) as (judge, question):
        assert await judge.judge(question) == Verdict(True)
    async with loaded(refusing, nsfw=0.88, normal=0.1) as (judge, question):
        assert await judge.judge(question) == Verdict(False, "nsfw, normal")


async def test_one_that_is_silent_is_ended_and_the_next_picture_has_another(refusing: str) -> None:
    async with loaded(refusing, seconds=1) as (judge, question):
        silent = judge.pid
        assert silent is not None
        os.kill(silent, signal.SIGSTOP)
        with pytest.raises(FilterFailed, match="no verdict within 1 s"):
            await judge.judge(question)
        with pytest.raises(ProcessLookupError):
            os.kill(silent, 0)
        await _has_another(judge, silent)


async def _has_another(judge: ClassifierFilter, former: int) -> None:
    judge.begin()
    await until(lambda: judge.pid is not None)
    assert judge.pid != former


async def test_one_that_died_is_replaced(refusing: str) -> None:
    async with loaded(refusing) as (judge, question):
        former = judge.pid
        assert former is not None
        os.kill(former, signal.SIGKILL)
        with pytest.raises(FilterFailed, match="died"):
            await judge.judge(question)
        assert (await judge.judge(question)).allowed is False
        assert judge.pid != former


async def test_who_leaves_ends_nothing(refusing: str) -> None:
    async with loaded(refusing) as (judge, question):
        pid = judge.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that nobody is answered before one has left
        leaving, staying = (asyncio.create_task(judge.judge(question)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        os.kill(pid, signal.SIGCONT)
        assert (await staying).allowed is False
        assert judge.pid == pid


async def test_a_picture_that_cannot_be_read_has_no_verdict(refusing: str) -> None:
    # As a program from its first line, which the others here are not.
    with anew():
        async with loaded(refusing) as (judge, question):
            with pytest.raises(FilterFailed, match="could not read the picture"):
                await judge.judge(Question(model="m", prompt="a boat", image=b"GIF89a", media_type="image/png"))
            assert (await judge.judge(question)).allowed is False


async def test_one_that_cannot_be_started_gives_no_verdict() -> None:
    judge = ClassifierFilter("/nowhere", None, {"nsfw": 0.5}, 5, command=("/nowhere/python",))
    with pytest.raises(FilterFailed, match="cannot be started: No such file"):
        await judge.judge(Question(model="m", prompt="a boat"))
    await judge.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "/nowhere"}, "There is no folder and no file /nowhere"),
        ({"source": "acme/not-pulled"}, "`safelight pull acme/not-pulled` fetches it"),
        (
            {"refuse": {"gore": 0.5}},
            "names the label 'gore', which that classifier does not give. It gives: 'normal', 'nsfw'",
        ),
    ],
)
def test_what_can_be_seen_beforehand_is_said_at_the_start(
    tmp_path: Path, refusing: str, given: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        look_at_classifier(read_settings({"home": tmp_path, "image_classifier": {"source": refusing} | given}))


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_something_is_said_at_the_start(refusing: str, tmp_path: Path, lost: str) -> None:
    folder = copied(refusing, tmp_path / "lacks")
    (folder / lost).unlink()
    with pytest.raises(ConfigurationError, match=r"holds no image classifier|no weights in safetensors"):
        look_at_classifier(read_settings({"home": tmp_path, "image_classifier": {"source": str(folder)}}))
