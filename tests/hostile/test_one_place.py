"""Two servers with a database each and one place for pictures, a folder or a bucket: neither deletes what the other
keeps, though one's database be an older copy of the other's."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from safelight.adapters.files import open_files
from safelight.adapters.sql import open_database
from safelight.service.keeping.place import Place
from safelight.service.keeping.sweep import Sweep
from tests.cli.conftest import CommandLine
from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until
from tests.hostile.test_ending_and_sharing import accept, state
from tests.object_store import Bucket, Store

_DAY_SECONDS = 86_400.0
_LATER_SECONDS = 7200.0


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """Where two servers run."""
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    return folders


class Pictures:
    """A place for pictures, seen from outside. `url` is what the setting `files` says."""

    def __init__(self, folder: Path, store: Store, bucket: Bucket | None) -> None:
        self.url = str(folder) if bucket is None else bucket.url
        self._folder = folder
        self._store = store
        self._bucket = bucket

    def names(self) -> set[str]:
        if self._bucket is not None:
            return self._store.names(self._bucket)
        return {str(path.relative_to(self._folder)) for path in self._folder.rglob("*") if path.is_file()}

    def age(self) -> None:
        """Have everything be written a day earlier."""
        if self._bucket is not None:
            self._store.age(self._bucket, _DAY_SECONDS)
            return
        for file in self._folder.rglob("*"):
            os.utime(file, (file.stat().st_mtime - _DAY_SECONDS,) * 2)


@pytest.fixture(params=["folder", "s3"])
def pictures(request: pytest.FixtureRequest, tmp_path: Path, store: Store) -> Pictures:
    return Pictures(tmp_path / "pictures", store, request.getfixturevalue("bucket") if request.param == "s3" else None)


async def swept_much_later(home: Path, database_url: str | None, pictures: Pictures) -> int:
    """How many files a server on that database takes for nobody's two hours later."""
    database = await open_database(home, database_url)
    files = open_files(pictures.url, home)
    place = Place(files, database.notes)
    assert await place.claim()
    taken = await Sweep(database.jobs, files, place).collect(time.time() + _LATER_SECONDS)
    await database.close()
    return taken


@contextmanager
def running(home: Path, pictures: Pictures, database_url: str | None) -> Iterator[Served]:
    """A server on that database; None: in its state folder."""
    there = {} if database_url is None else {"database": database_url}
    with serving(home, exit_status=0, files=pictures.url, **there) as served:
        yield served


def has_finished(served: Served, job: str) -> bool:
    headers = {"authorization": f"Bearer {served.key}"}
    found = httpx.get(f"{served.base_url}/jobs/{job}", headers=headers, timeout=300).raise_for_status().json()
    return bool(found["state"] == "finished")


def image(served: Served, job: str) -> int:
    headers = {"authorization": f"Bearer {served.key}"}
    return httpx.get(f"{served.base_url}/jobs/{job}/image", headers=headers, timeout=300).status_code


def has_looked(served: Served) -> bool:
    """Whether its first round of keeping is done: then it notes that it was at work."""
    line = served.lines.get(timeout=300)
    assert line is not None
    return "files_not_ours" in line


def test_another_servers_start_deletes_no_picture_of_the_first(homes: tuple[Path, Path], pictures: Pictures) -> None:
    with serving(homes[0], files=pictures.url) as first:
        job = accept(first)
        wait_until(lambda: state(first.safelight.home, job) == "finished")
        pictures.age()
        with serving(homes[1], files=pictures.url) as second:
            wait_until(lambda: has_looked(second))
            mine = accept(second)
            wait_until(lambda: state(second.safelight.home, mine) == "finished")
            assert image(second, mine) == 200
        assert image(first, job) == 200
    assert not [name for name in pictures.names() if "trash" in name]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_older_database_that_was_restored_deletes_nothing_of_the_newer(
    homes: tuple[Path, Path], pictures: Pictures, kind: str, with_postgres: Callable[[], str]
) -> None:
    """What was made in the minute after the backup too: from its time alone it could be of a server that was killed."""
    newer, older = (with_postgres() if kind == "postgresql" else None for _ in homes)
    backup = str(homes[0] / "backup.db")
    with running(homes[0], pictures, newer) as first:
        kept = accept(first)
        wait_until(lambda: has_finished(first, kept))
        assert first.safelight("db", "backup", backup).returncode == 0
        since = accept(first)
        wait_until(lambda: has_finished(first, since))
    restored = CommandLine(homes[1], {} if older is None else {"SAFELIGHT_DATABASE": older})
    assert restored("db", "restore", backup).returncode == 0
    before = pictures.names()
    with running(homes[1], pictures, older) as second:
        assert image(second, kept) == 200
        assert image(second, since) == 404
        mine = accept(second)
        wait_until(lambda: has_finished(second, mine))
    assert asyncio.run(swept_much_later(second.safelight.home, older, pictures)) == 0
    assert before <= pictures.names()
    with running(homes[0], pictures, newer) as first:
        assert (image(first, kept), image(first, since)) == (200, 200)


def test_adopt_is_refused_while_a_server_runs_and_takes_the_place_over_when_none_does(
    tmp_path: Path, homes: tuple[Path, Path]
) -> None:
    files = str(tmp_path / "pictures")
    with serving(homes[0], files=files) as first:
        job = accept(first)
        wait_until(lambda: state(first.safelight.home, job) == "finished")
    with serving(homes[1], files=files) as second:
        wait_until(lambda: has_looked(second))
        refused = second.safelight("adopt")
        assert refused.returncode == 2
        assert second.url in refused.stderr
        mark = (tmp_path / "pictures" / "safelight-owner.json").read_bytes()
    adopted = second.safelight("adopt")
    assert adopted.returncode == 0, adopted.stderr
    assert (tmp_path / "pictures" / "safelight-owner.json").read_bytes() != mark
    assert len(list((tmp_path / "pictures").rglob(f"{job}.*"))) == 1
