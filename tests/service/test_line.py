"""The line of durable jobs, without a server around it: who waits, who leaves, and where somebody stands."""

from __future__ import annotations

from time import monotonic

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


def test_a_job_that_was_begun_with_another_fingerprint_is_left_to_others_for_a_while() -> None:
    ours = {"postcard": "ours"}
    waiting = JobLine(
        most=10,
        workers=lambda: 8,
        is_here=lambda source: True,
        has=lambda source, fingerprint: ours[source] == fingerprint,
        patience_seconds=60.0,
    )
    jobs = [job(number, began_with=began) for number, began in enumerate(("theirs", "ours", None, "theirs"), 1)]
    for each in jobs:
        waiting.add(each, source="postcard", seconds=2.0, weight=1.0)
    assert [waiting.next(), waiting.next(), waiting.next()] == [jobs[1], jobs[2], None]
    assert waiting.is_patient
    assert waiting.place("job_4", 0.0) is not None
    ours["postcard"] = "theirs"
    assert waiting.next() == jobs[0]
    waiting.remove("job_4")
    assert not waiting.is_patient


def test_what_nobody_has_for_long_is_drawn_by_any_and_where_there_is_nobody_else_at_once() -> None:
    for patience in (0.0, 0.01):
        waiting = JobLine(
            most=10,
            workers=lambda: 8,
            is_here=lambda source: True,
            has=lambda source, fingerprint: False,
            patience_seconds=patience,
        )
        left = job(1, began_with="theirs")
        waiting.add(left, source="postcard", seconds=2.0, weight=1.0)
        began = monotonic()
        while (found := waiting.next()) is None:
            assert patience
        assert found == left
        assert monotonic() - began >= patience * 0.9
        assert not waiting.is_patient
        waiting.leave("job_1")


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
