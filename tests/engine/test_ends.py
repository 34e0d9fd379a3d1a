"""Every job ends once, whoever says so first."""

from __future__ import annotations

from safelight.engine.drawing.ends import Ends
from safelight.protocol.messages import Cancelled, Event, Failed


def test_a_job_ends_once_and_may_come_again_after_that() -> None:
    said: list[Event] = []
    ends = Ends(said.append)
    assert ends.expect("a")
    assert not ends.expect("a")
    ends.say(Cancelled(job_id="a"))
    ends.say(Failed(job_id="a", reason="too late"))
    assert said == [Cancelled(job_id="a")]
    assert ends.expect("a")


def test_a_job_that_never_came_has_no_end() -> None:
    said: list[Event] = []
    Ends(said.append).say(Cancelled(job_id="a"))
    assert said == []
