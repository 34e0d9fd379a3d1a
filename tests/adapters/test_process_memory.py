"""Memory of a process and those below it: by a table that is written as Linux writes it, and by the real one."""

from __future__ import annotations

import os
from pathlib import Path

from safelight.adapters.processes.process_memory import memory_of, memory_of_all


def process(proc: Path, number: int, parent: int, pages: int) -> None:
    (proc / str(number)).mkdir()
    fields = ["S", str(parent), *["0"] * 19, str(pages), "0"]
    (proc / str(number) / "stat").write_text(f"{number} (a (name) 1) {' '.join(fields)}")


def test_those_below_are_counted_and_others_are_not(tmp_path: Path) -> None:
    for number, parent, pages in ((10, 1, 5), (11, 10, 7), (12, 11, 11), (13, 1, 1000)):
        process(tmp_path, number, parent, pages)
    (tmp_path / "14").mkdir()  # it ended between two looks
    assert memory_of_all(tmp_path, 10) == 23 * os.sysconf("SC_PAGE_SIZE")


def test_this_process_takes_what_it_takes() -> None:
    assert 10e6 < memory_of(os.getpid()) <= memory_of_all() < 1e12


def test_one_process_is_read_alone_and_one_that_ended_takes_nothing(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 5)
    process(tmp_path, 11, 10, 7)
    assert memory_of(10, tmp_path) == 5 * os.sysconf("SC_PAGE_SIZE")
    assert memory_of(12, tmp_path) == 0
