"""Two servers with a state folder each and one place for pictures: neither deletes what the other keeps."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import pytest

from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until
from tests.hostile.test_ending_and_sharing import accept, state

_DAY_SECONDS = 86_400.0


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    """Where two servers run."""
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    return folders


def image(served: Served, job: str) -> int:
    headers = {"authorization": f"Bearer {served.key}"}
    return httpx.get(f"{served.base_url}/jobs/{job}/image", headers=headers, timeout=300).status_code


def has_looked(served: Served) -> bool:
    """Whether its first round of keeping is done: then it notes that it was at work."""
    line = served.lines.get(timeout=300)
    assert line is not None
    return "files_not_ours" in line


def test_another_servers_start_deletes_no_picture_of_the_first(tmp_path: Path, homes: tuple[Path, Path]) -> None:
    pictures = tmp_path / "pictures"
    with serving(homes[0], files=str(pictures)) as first:
        job = accept(first)
        wait_until(lambda: state(first.safelight.home, job) == "finished")
        for file in pictures.rglob("job_*"):
            os.utime(file, (time.time() - _DAY_SECONDS,) * 2)
        with serving(homes[1], files=str(pictures)) as second:
            wait_until(lambda: has_looked(second))
            mine = accept(second)
            wait_until(lambda: state(second.safelight.home, mine) == "finished")
            assert image(second, mine) == 200
        assert image(first, job) == 200
    assert not (pictures / "trash").exists()


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
