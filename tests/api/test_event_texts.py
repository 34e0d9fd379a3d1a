"""An update is encoded once for all who are told it."""

from __future__ import annotations

from functools import partial

import pytest

from safelight.api.exchange.event_texts import EventTexts
from safelight.api.routes.jobs import job_events
from safelight.contract.records.jobs import JobUpdate
from tests.api.conftest import Running
from tests.api.test_job_events import watching
from tests.api.test_jobs import accept
from tests.contracts.jobs import job

KEPT = 64


class Encoder:
    """Says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        return b"%d" % self.asked


def test_an_update_is_encoded_for_whoever_asks_first_and_anew_under_another_root() -> None:
    texts, encode = EventTexts(), Encoder()
    update = JobUpdate(kind="job", job=job(1))
    assert [texts.of(update, "/", encode) for _ in range(3)] == [b"1"] * 3
    assert [texts.of(update, "/behind/", encode) for _ in range(3)] == [b"2"] * 3
    same = JobUpdate(kind="job", job=job(1))  # what it says is the same, and yet it is another one
    assert texts.of(same, "/", encode) == b"3"


def test_the_last_few_are_kept_and_what_is_forgotten_is_encoded_again() -> None:
    texts, encode = EventTexts(), Encoder()
    updates = [JobUpdate(kind="job", job=job(number)) for number in range(KEPT + 1)]
    for update in updates:
        texts.of(update, "/", encode)
    assert encode.asked == KEPT + 1
    texts.of(updates[-1], "/", encode)
    assert encode.asked == KEPT + 1
    texts.of(updates[0], "/", encode)
    assert encode.asked == KEPT + 2


def test_an_update_that_is_gone_lends_its_text_to_no_other() -> None:
    """Its address may be given to the next one."""
    texts = EventTexts()
    for number in range(500):
        update = JobUpdate(kind="job", job=job(number))
        text = b"%d" % number
        assert texts.of(update, "/", partial(bytes, text)) == text
        del update


async def test_five_streams_of_a_key_are_told_the_end_in_one_encoding(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    data = job_events._data

    def counted(update: JobUpdate, *rest: object) -> object:
        encoded.append(update.kind)
        return data(update, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(job_events, "_data", counted)
    async with (
        watching(running, "/v1/jobs/events") as first,
        watching(running, "/v1/jobs/events") as second,
        watching(running, "/v1/jobs/events") as third,
    ):
        accepted = await accept(running)
        for events in (first, second, third):
            while (event := await anext(events)).kind != "end":
                pass
            assert event.data["id"] == accepted["id"]
    assert encoded.count("end") == running.servers  # each encodes for its own
