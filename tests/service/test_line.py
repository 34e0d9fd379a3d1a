"""The line of durable jobs, without a server around it: who waits, who leaves, and where somebody stands."""

from __future__ import annotations

from safelight.service.jobs.running.line import JobLine
from tests.contracts.jobs import job


def line() -> JobLine:
    return JobLine(most=10, workers=lambda: 1, is_here=lambda source: True)


def test_who_waits_is_known_by_job_and_by_owner_until_it_leaves() -> None:
    waiting = line()
    for number, owner in ((1, "key-a"), (2, "key-b"), (3, "key-b")):
        waiting.add(job(number, owner=owner), source="postcard", seconds=2.0, weight=1.0)
    assert (len(waiting), waiting.ids, waiting.owners) == (3, ["job_1", "job_2", "job_3"], ["key-a", "key-b"])
    waiting.remove("job_1")
    waiting.remove("job_1")  # it is not there any more: nothing happens
    assert (waiting.ids, waiting.owners) == (["job_2", "job_3"], ["key-b"])
    assert [one.id for one in waiting.of("key-b")] == ["job_2", "job_3"]
    assert waiting.of("key-a") == []


def test_only_who_waits_has_a_place() -> None:
    waiting = line()
    for number in (1, 2):
        waiting.add(job(number), source="postcard", seconds=2.0, weight=1.0)
    second = waiting.place("job_2", ahead_seconds=1.0)
    assert second is not None
    assert second.position == 2
    first = waiting.next()
    assert first is not None
    assert waiting.place(first.id, ahead_seconds=1.0) is None
