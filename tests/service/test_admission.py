"""The queue is bounded in seconds of work, and what pictures cost is learned."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.contract.errors import Unavailable
from safelight.contract.messages import Job, Timings
from safelight.service.admission import Admission


def job(name: str = "a", *, width: int = 1024, height: int = 1024) -> Job:
    return Job(
        id=name,
        model="m",
        source="postcard",
        prompt="a boat",
        negative_prompt="",
        width=width,
        height=height,
        seed=1,
        output_format="png",
    )


def learned(bound: float, seconds: float, workers: int = 1) -> Admission:
    admission = Admission(bound, workers)
    admission.observe(job(), Timings(encode_prompt=0.1 * seconds, denoise=0.6 * seconds, decode=0.3 * seconds))
    return admission


def test_an_idle_service_takes_any_job_however_long() -> None:
    admission = learned(bound=1, seconds=500)
    assert admission.admit(job()).seconds == pytest.approx(500)


def test_work_beyond_the_bound_is_refused_with_the_time_until_it_fits() -> None:
    admission = learned(bound=25, seconds=10)
    costs = [admission.admit(job(name)) for name in "ab"]
    with pytest.raises(Unavailable) as caught:
        admission.admit(job("c"))
    assert caught.value.code == "engine_overloaded"
    assert caught.value.headers["retry-after"] == "5"
    admission.release(costs[0])
    assert admission.admit(job("c")).seconds == pytest.approx(10)


def test_steps_that_are_done_make_room_before_the_job_has_ended() -> None:
    admission = learned(bound=15, seconds=10)
    cost = admission.admit(job("a"))
    with pytest.raises(Unavailable):
        admission.admit(job("b"))
    admission.progress(cost, 0.6)
    assert admission.work_seconds == pytest.approx(4)
    admission.admit(job("b"))


def test_two_workers_do_twice_the_work_in_the_same_time() -> None:
    admission = learned(bound=20, seconds=10, workers=2)
    for name in "abcd":
        admission.admit(job(name))
    assert admission.work_seconds == pytest.approx(20)
    with pytest.raises(Unavailable):
        admission.admit(job("e"))


def test_retry_after_is_at_most_two_minutes() -> None:
    admission = learned(bound=1, seconds=10_000)
    admission.admit(job("a"))
    with pytest.raises(Unavailable) as caught:
        admission.admit(job("b"))
    assert caught.value.headers["retry-after"] == "120"


def test_a_size_never_drawn_is_estimated_by_its_pixels() -> None:
    admission = learned(bound=60, seconds=8)
    assert admission.estimate(job(width=512, height=1024)) == pytest.approx(4)


def test_the_estimate_follows_a_machine_that_got_slower() -> None:
    admission = learned(bound=60, seconds=1)
    for _ in range(10):
        admission.observe(job(), Timings(denoise=3))
    assert 2.8 < admission.estimate(job()) <= 3


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60))
def test_the_work_ahead_is_never_negative_and_zero_when_all_has_ended(moves: list[tuple[bool, float]]) -> None:
    admission = learned(bound=50, seconds=7)
    open_costs = []
    for number, (enter, done) in enumerate(moves):
        if enter:
            try:
                open_costs.append(admission.admit(msgspec.structs.replace(job(), id=str(number))))
            except Unavailable:
                assert admission.work_seconds > 50 - 7
        elif open_costs:
            admission.progress(open_costs[0], done)
            admission.release(open_costs.pop(0))
        assert 0 <= admission.work_seconds <= 57
    for cost in open_costs:
        admission.release(cost)
    assert admission.work_seconds == 0
