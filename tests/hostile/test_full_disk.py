"""A disk that fills up, and one that is full to the last byte: real disks, of some megabytes."""

from __future__ import annotations

import base64
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.clients.process import MODEL, Served, serving
from tests.e2e.drawing import wait_until
from tests.hostile.small_disk import small_disk
from tests.hostile.test_ending_and_sharing import ENDING_SECONDS, accept, state
from tests.sent_pictures import halves

_DRAIN_SECONDS = 6.0


def ask(served: Served, **headers: str) -> httpx.Response:
    key = {"authorization": f"Bearer {served.key}"}
    body = {"model": MODEL, "prompt": "a boat"}
    return httpx.post(f"{served.base_url}/images/generations", json=body, headers=key | headers, timeout=300)


def is_short(served: Served) -> bool:
    return ask(served, prefer="respond-async").status_code == 503


def test_below_the_reserve_new_jobs_are_refused_plain_pictures_come_and_it_recovers_by_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16) as disk, serving(tmp_path, files=str(disk.folder / "files")) as served:
        first = accept(served)
        wait_until(lambda: state(served.safelight.home, first) == "finished")
        disk.fill(but=100_000)
        wait_until(lambda: is_short(served))
        refused = ask(served, prefer="respond-async")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_overloaded")
        assert "`files` is nearly full" in refused.json()["error"]["message"]
        assert "make room" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"] == "60"
        assert ask(served, **{"idempotency-key": "once"}).status_code == 503
        assert ask(served).status_code == 200
        assert 'safelight_disk_free_bytes{disk="files"}' in httpx.get(f"{served.url}/metrics").text
        disk.empty()
        wait_until(lambda: not is_short(served))
        wait_until(lambda: ask(served, **{"idempotency-key": "once"}).status_code == 200)


@pytest.mark.parametrize("store", ["jobs", "all"])
def test_an_answer_that_is_kept_is_given_while_the_disk_is_full(tmp_path: Path, store: str) -> None:
    """The database's disk, to the last byte: looking for the answer writes nothing."""
    with small_disk(tmp_path / "disk", 16) as disk:
        home = disk.folder / "home"
        with serving(tmp_path, home=str(home), store=store) as served:
            kept = ask(served, **{"idempotency-key": "once"})
            assert kept.status_code == 200, kept.text
            job = ask(served, prefer="respond-async", **{"idempotency-key": "job"})
            wait_until(lambda: state(home, job.json()["id"]) == "finished")
            disk.fill()
            wait_until(lambda: is_short(served))
            assert ask(served, **{"idempotency-key": "once"}).content == kept.content
            repeated = ask(served, prefer="respond-async", **{"idempotency-key": "job"})
            assert (repeated.status_code, repeated.json()["id"]) == (202, job.json()["id"])
            disk.empty()


def test_a_file_that_is_sent_and_finds_no_room_is_refused_and_smaller_ones_are_drawn_from(tmp_path: Path) -> None:
    large, small = halves() + bytes(8_000_000), halves()
    with small_disk(tmp_path / "disk", 32) as disk, serving(disk.folder) as served:

        def edit(content: bytes) -> httpx.Response:
            data = {"model": "postcard", "prompt": "at night", "seed": "7"}
            key = {"authorization": f"Bearer {served.key}"}
            files = {"image": ("a.png", content)}
            return httpx.post(f"{served.base_url}/images/edits", data=data, files=files, headers=key, timeout=300)

        assert edit(large).status_code == 200
        disk.fill(but=1_500_000)
        refused = edit(large)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_overloaded")
        assert "has no room for this one" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"] == "60"
        assert disk.free > 1_000_000  # nothing of it is left
        assert edit(small).status_code == 200
        disk.empty()
        assert edit(large).status_code == 200


def test_pictures_that_are_to_be_kept_are_refused_before_they_are_drawn(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        serving(tmp_path, files=str(disk.folder / "files"), store="all") as served,
    ):
        assert ask(served).status_code == 200
        disk.fill(but=100_000)
        wait_until(lambda: ask(served).status_code == 503)


def test_a_picture_that_is_drawn_waits_for_room_instead_of_failing(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        serving(tmp_path, files=str(disk.folder / "files"), fake_hold=str(hold)) as served,
    ):
        job = accept(served)
        wait_until(lambda: state(served.safelight.home, job) == "running")
        disk.fill()
        hold.unlink()
        wait_until(lambda: _has_logged(served, "picture_waits_for_room"))
        disk.empty()
        wait_until(lambda: state(served.safelight.home, job) == "finished")


@pytest.mark.parametrize(("files_too", "event"), [(True, "picture_waits_for_room"), (False, "job_store_failed")])
def test_a_full_disk_does_not_hold_up_the_end_and_what_was_drawn_is_drawn_again(
    tmp_path: Path, files_too: bool, event: str
) -> None:
    """The picture is drawn, as the log says, and neither its file (or only that) nor its end can be recorded."""
    hold = tmp_path / "hold"
    hold.write_text("1")
    with small_disk(tmp_path / "disk", 16) as disk:
        home = disk.folder / "home"
        files = home / "files" if files_too else tmp_path / "pictures"
        drain = str(_DRAIN_SECONDS)
        with serving(tmp_path, home=str(home), files=str(files), fake_hold=str(hold), drain_seconds=drain) as served:
            job = accept(served)
            wait_until(lambda: state(home, job) == "running")
            disk.fill()
            hold.unlink()
            wait_until(lambda: _has_logged(served, event))
            asked = time.monotonic()
            served.process.terminate()
            wait_until(lambda: _has_logged(served, "jobs_not_recorded"))
            served.process.wait(60)
            assert time.monotonic() - asked < _DRAIN_SECONDS + ENDING_SECONDS
        assert state(home, job) == "running"
        disk.empty()
        with serving(tmp_path, home=str(home), files=str(files)) as served:
            wait_until(lambda: state(home, job) == "finished")
            with closing(sqlite3.connect(home / "safelight.db")) as database:
                found = database.execute("SELECT attempts, seed FROM jobs WHERE id = ?", [job]).fetchone()
            assert found[0] == 2
            key = {"authorization": f"Bearer {served.key}"}
            plain = httpx.post(
                f"{served.base_url}/images/generations",
                json={"model": MODEL, "prompt": "a boat", "seed": found[1]},
                headers=key,
                timeout=300,
            )
            kept = (files / job[-2:] / f"{job}.2.png").read_bytes()
            assert kept == base64.b64decode(plain.json()["data"][0]["b64_json"])


def test_a_short_disk_empties_the_trash_and_work_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16) as disk, serving(tmp_path, files=str(disk.folder / "files")) as served:
        first = accept(served)
        wait_until(lambda: state(served.safelight.home, first) == "finished")
        thrown = disk.folder / "files" / "trash" / f"{time.time():.0f}" / "zz" / "job_lost.png"
        thrown.parent.mkdir(parents=True)
        thrown.write_bytes(bytes(2_000_000))
        disk.fill(but=100_000)
        wait_until(lambda: _has_logged(served, "trash_emptied"))
        assert not thrown.exists()
        wait_until(lambda: not is_short(served))
        assert state(served.safelight.home, first) == "finished"
        assert "safelight_removed_for_room_total 1.0" in httpx.get(f"{served.url}/metrics").text


def _has_logged(served: Served, event: str) -> bool:
    line = served.lines.get(timeout=300)
    assert line is not None
    return event in line
