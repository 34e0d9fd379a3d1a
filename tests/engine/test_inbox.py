"""An inbox is read without waiting, for a time, or until somebody says something."""

from __future__ import annotations

import threading
from queue import Empty

import pytest

from safelight.engine.drawing import inbox
from safelight.engine.drawing.inbox import Inbox, Reader
from safelight.protocol.messages import Cancel


@pytest.mark.parametrize("wait_seconds", [0.0, 0.001])
def test_who_waits_no_longer_finds_nothing(wait_seconds: float) -> None:
    with pytest.raises(Empty):
        Reader(Inbox()).next(wait_seconds=wait_seconds)


@pytest.mark.parametrize("wait_seconds", [0.0, 60.0, None])
def test_what_was_told_comes_in_its_order(wait_seconds: float | None) -> None:
    box = Inbox()
    for command in (Cancel("a"), Cancel("b"), None):
        box.put(command)
    reader = Reader(box)
    assert [reader.next(wait_seconds=wait_seconds) for _ in range(3)] == [Cancel("a"), Cancel("b"), None]


def test_who_waits_long_gives_back_once_and_then_waits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back, told = threading.Semaphore(0), list[object]()
    monkeypatch.setattr(inbox, "give_back", given_back.release)
    box: Inbox = Inbox()
    reader = Reader(box, idle_seconds=0.01)
    waiting = threading.Thread(target=lambda: told.append(reader.next(wait_seconds=None)))
    waiting.start()
    assert given_back.acquire(timeout=30)
    box.put(Cancel(job_id="one"))
    waiting.join(timeout=30)
    assert told == [Cancel(job_id="one")]
    assert not given_back.acquire(blocking=False)


def test_who_is_told_at_once_or_draws_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "give_back", lambda: pytest.fail("memory that is needed again was given back"))
    box: Inbox = Inbox()
    reader = Reader(box)
    box.put(Cancel(job_id="one"))
    assert reader.next(wait_seconds=None) == Cancel(job_id="one")
    with pytest.raises(Empty):
        reader.next(wait_seconds=0.0)
