"""What a worker measured outlives it, and a file that cannot be read or written costs nothing but the measuring."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from safelight.engine.residency.measurements import read_kept, write_kept


def test_what_was_kept_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "new" / "times.json"
    for seconds in (1.5, 2.5):
        write_kept(file, {"flux": seconds})
        assert read_kept(file, dict[str, float]) == {"flux": seconds}
    assert list(file.parent.iterdir()) == [file]


def test_several_that_write_one_file_at_once_leave_one_of_theirs_whole(tmp_path: Path) -> None:
    """As workers of one machine in containers do, whose processes have the same ids."""
    file, together = tmp_path / "times.json", threading.Barrier(4)

    def write(worker: int) -> None:
        together.wait()
        for _ in range(50):
            write_kept(file, {f"model-{number}": float(worker) for number in range(200)})
            kept = read_kept(file, dict[str, float])
            assert kept is not None
            assert len(set(kept.values())) == 1

    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(write, worker) for worker in range(4)]:
            done.result()
    assert list(tmp_path.iterdir()) == [file]


def test_where_nothing_was_kept_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_kept(tmp_path / "times.json", dict[str, float]) is None
    assert caplog.records == []


@pytest.mark.parametrize("text", ["", "[{", '{"flux": "soon"}', "\xff"])
def test_what_cannot_be_read_is_as_if_it_were_not_there_and_is_told(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "times.json").write_text(text, encoding="latin-1")
    assert read_kept(tmp_path / "times.json", dict[str, float]) is None
    assert "measured again" in caplog.text


def test_a_place_that_takes_no_file_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "taken").write_text("a file, where a folder should be")
    write_kept(tmp_path / "taken" / "times.json", {})
    assert "could not be kept" in caplog.text


def test_what_cannot_take_its_place_is_not_left_beside_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "times.json"
    file.mkdir()
    write_kept(file, {"flux": 1.0})
    assert "could not be kept" in caplog.text
    assert list(tmp_path.iterdir()) == [file]
