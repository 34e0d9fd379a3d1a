"""What jobs draw from and what they have drawn, where the place for files fails, is away, or has lost a file."""

from __future__ import annotations

import asyncio
import hashlib
import shutil

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.contract.errors import InternalError, NotFound, Unavailable
from safelight.contract.records.jobs import JobRecord, input_names
from safelight.contract.requests.request import Begin
from safelight.service.drawing.inputs.reception import HeldPicture
from safelight.service.jobs import inputs
from safelight.service.jobs.inputs import JobInputs
from safelight.service.ports.stores.files import FilesAway
from tests.api.conftest import Serve, serve, until
from tests.api.test_edit_jobs import ASYNC, ended
from tests.api.test_edits import edit
from tests.contract.test_request import parse
from tests.contracts.jobs import job
from tests.sent_pictures import halves

__all__ = ["serve"]
PICTURE = halves()
REQUEST = replace(parse(), begin=Begin(files=(HeldPicture(PICTURE),)))


def edited() -> JobRecord:
    """A job that draws from that picture."""
    facts = {"sha256": hashlib.sha256(PICTURE).hexdigest(), "bytes": len(PICTURE), "width": 96, "height": 64}
    usual = job(1)
    return replace(usual, wanted=replace(usual.wanted, request={"prompt": "at night", "images": [facts]}))


async def test_what_was_kept_is_drawn_from_and_is_removed_where_the_job_did_not_come_to_be() -> None:
    files = MemoryFiles()
    await JobInputs(files).put(edited(), REQUEST)
    fields, call = await JobInputs(files).fields(edited())
    assert (call, [each.sha256 for each in fields["images"]]) == ("edit", [HeldPicture(PICTURE).sha256])
    await JobInputs(files).remove(edited())
    assert files.names == []


async def test_what_cannot_be_removed_is_left_to_the_sweep() -> None:
    files = MemoryFiles()
    await JobInputs(files).put(edited(), REQUEST)
    files.error = OSError("the disk fails")
    await JobInputs(files).remove(edited())
    assert files.names == list(input_names(edited()))


@pytest.mark.parametrize(
    ("error", "told", "words"),
    [
        (OSError("the disk fails"), InternalError, "could not be kept"),
        (FilesAway("no answer"), Unavailable, "No job was accepted without its pictures"),
    ],
)
async def test_a_job_is_not_accepted_without_its_pictures(error: OSError, told: type[Exception], words: str) -> None:
    files = MemoryFiles()
    files.error = error
    with pytest.raises(told, match=words):
        await JobInputs(files).put(edited(), REQUEST)
    assert files.names == []


async def test_a_job_whose_picture_is_gone_cannot_be_drawn() -> None:
    with pytest.raises(InternalError, match="is gone") as raised:
        await JobInputs(MemoryFiles()).fields(edited())
    assert raised.value.headers == {"x-should-retry": "false"}


async def test_a_job_waits_for_its_pictures_while_their_place_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_AGAIN_SECONDS", 0.01)
    files = MemoryFiles()
    await JobInputs(files).put(edited(), REQUEST)
    files.error = FilesAway("no answer")
    with capture_logs() as logs:
        reading = asyncio.create_task(JobInputs(files).fields(edited()))
        await until(lambda: any(line["event"] == "job_waits_for_its_pictures" for line in logs))
        assert not reading.done()
        files.error = None
        fields, _ = await reading
    assert fields["images"][0].size == len(PICTURE)


@pytest.mark.one_process("it looks into the folder of pictures")
async def test_of_a_job_whose_files_are_gone_the_library_says_so(serve: Serve) -> None:
    running = await serve()
    finished = await ended(running, (await edit(running, PICTURE, headers=ASYNC)).json())
    assert finished["state"] == "finished"
    shutil.rmtree(running.services.settings.home / "files" / finished["id"][-2:])
    for path in ("image", "inputs/0"):
        answer = await running.client.get(f"/v1/jobs/{finished['id']}/{path}")
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, "The file of this picture is gone.")
    library = running.services.jobs.library
    (record,) = await library._store.these([finished["id"]])
    with pytest.raises(NotFound, match="file of this picture is gone"):
        await library.pictures.image(record.origin.owner, finished["id"])
