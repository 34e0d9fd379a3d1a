"""The queue is bounded in seconds of work, and what pictures cost is learned."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.contract.errors import InvalidRequest, Unavailable
from safelight.contract.models.costs import CostPoint
from safelight.contract.requests.order import InputPicture, Order, Recipe
from safelight.protocol.times import Timings
from safelight.service.drawing.capacity.admission import Admission, Cost
from tests.orders import changed, order


def job(name: str = "a", *, width: int = 1024, height: int = 1024) -> Order:
    return order(
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


def admit(admission: Admission, one: Order) -> Cost:
    (cost,) = admission.admit([one])
    return cost


def learned(bound: float, seconds: float, workers: Callable[[], int] = lambda: 1) -> Admission:
    admission = Admission(bound, workers)
    stages = {"encode_prompt": 0.1 * seconds, "denoise": 0.6 * seconds, "decode": 0.3 * seconds}
    admission.learn(job().recipe, Timings(stages=stages, steps=(0.15 * seconds,) * 4))
    return admission


def test_an_idle_service_takes_any_job_however_long() -> None:
    admission = learned(bound=1, seconds=500)
    assert admit(admission, job()).seconds == pytest.approx(500)


def test_work_beyond_the_bound_is_refused_with_the_time_until_it_fits() -> None:
    admission = learned(bound=25, seconds=10)
    costs = [admit(admission, job(name)) for name in "ab"]
    with pytest.raises(Unavailable) as caught:
        admit(admission, job("c"))
    assert caught.value.code == "engine_overloaded"
    assert caught.value.headers["retry-after"] == "5"
    admission.release(costs[0])
    assert admit(admission, job("c")).seconds == pytest.approx(10)


def test_a_request_of_several_pictures_is_told_when_all_of_them_fit() -> None:
    admission = learned(bound=40, seconds=10)
    for name in "abc":
        admit(admission, job(name))
    with pytest.raises(Unavailable) as caught:
        admission.admit([job(name) for name in "defg"])
    assert caught.value.headers["retry-after"] == "30"
    assert admission.work_seconds == pytest.approx(30)  # none of them was taken in


def test_of_a_key_with_nothing_under_way_one_picture_of_several_is_in_at_once_and_the_others_wait() -> None:
    admission = learned(bound=40, seconds=10)
    assert fill(admission, "flood") == 4
    with pytest.raises(Unavailable) as caught:
        admission.admit([of("late", name) for name in "abc"])
    assert caught.value.headers["retry-after"] == "10"  # its share is 20 s


def test_steps_that_are_done_make_room_before_the_job_has_ended() -> None:
    admission = learned(bound=15, seconds=10)
    cost = admit(admission, job("a"))
    with pytest.raises(Unavailable):
        admit(admission, job("b"))
    admission.progress(cost, 0.6)
    assert admission.work_seconds == pytest.approx(4)
    admit(admission, job("b"))


def test_a_step_that_is_told_after_the_end_changes_nothing() -> None:
    admission = learned(bound=15, seconds=10)
    cost = admit(admission, job("a"))
    admission.release(cost)
    admission.progress(cost, 0.5)
    assert admission.work_seconds == 0.0


def test_workers_that_come_and_go_count_from_then_on() -> None:
    workers = 1
    admission = learned(bound=20, seconds=10, workers=lambda: workers)
    for name in "ab":
        admit(admission, job(name))
    with pytest.raises(Unavailable, match="about 20 s of work"):
        admit(admission, job("c"))
    workers = 2
    for name in "cd":
        admit(admission, job(name))
    assert admission.work_seconds == pytest.approx(20)
    workers = 0  # both have just died
    with pytest.raises(Unavailable, match=r"about 40 s of work.* the limit is 20 s"):
        admit(admission, job("e"))


def test_two_workers_do_twice_the_work_in_the_same_time() -> None:
    admission = learned(bound=20, seconds=10, workers=lambda: 2)
    for name in "abcd":
        admit(admission, job(name))
    assert admission.work_seconds == pytest.approx(20)
    with pytest.raises(Unavailable):
        admit(admission, job("e"))


def test_retry_after_is_at_most_two_minutes() -> None:
    admission = learned(bound=1, seconds=10_000)
    admit(admission, job("a"))
    with pytest.raises(Unavailable) as caught:
        admit(admission, job("b"))
    assert caught.value.headers["retry-after"] == "120"


def test_a_size_never_drawn_is_estimated_by_its_pixels() -> None:
    admission = learned(bound=60, seconds=10)
    # The prompt's second does not shrink with the picture.
    assert admission.estimate(job(width=512, height=1024).recipe) == pytest.approx(1 + 9 / 2)


def picture(role: Literal["image", "mask"] = "image") -> InputPicture:
    return InputPicture(role=role, sha256="aa", width=1024, height=1024, pixels=b"")


def edit(strength: float | None, *more: InputPicture, steps: int | None = None) -> Recipe:
    return changed(job(), inputs=(picture(), *more), strength=strength, steps=steps).recipe


def knowing() -> Admission:
    """Of a model that takes 20 steps of a second, and 3 seconds to decode."""
    admission = Admission(60)
    admission.set_costs("postcard", [CostPoint(pixels=1024 * 1024, step=1.0, once={"decode": 3.0})], steps=20)
    return admission


def test_an_edit_costs_the_steps_that_its_strength_leaves_and_the_encoding_of_its_pictures() -> None:
    admission = knowing()
    estimates = [admission.estimate(edit(strength)) for strength in (0.0, 0.01, 0.3, 1.0)]
    assert estimates == pytest.approx([2 + 3, 2 + 1 + 3, 2 + 6 + 3, 2 + 20 + 3])
    assert admission.estimate(edit(0.3, steps=50)) == pytest.approx(2 + 15 + 3)
    assert admission.estimate(edit(0.3, picture(), picture("mask"))) == pytest.approx(2 * 2 + 6 + 3)
    timings = Timings(stages={"encode_picture": 0.5, "denoise": 12.0, "decode": 3.0}, steps=(2.0,) * 6)
    admission.learn(edit(0.3), timings)
    assert admission.estimate(edit(0.5)) == pytest.approx(0.5 + 20 + 3)


def test_an_edit_teaches_nothing_of_the_steps_of_other_pictures() -> None:
    admission = knowing()
    admission.learn(edit(0.3), Timings(stages={"denoise": 6.0, "decode": 3.0}, steps=(1.0,) * 6))
    assert admission.estimate(job().recipe) == pytest.approx(20 + 3)


def test_what_a_pipeline_takes_of_its_steps_by_itself_is_learned() -> None:
    admission = knowing()
    for steps, recipe in ((12, edit(None)), (20, edit(None, picture("mask")))):
        admission.learn(recipe, Timings(stages={"denoise": float(steps), "decode": 3.0}, steps=(1.0,) * steps))
    assert admission.estimate(edit(None)) == pytest.approx(12 + 3)
    assert admission.estimate(edit(None, steps=40)) == pytest.approx(24 + 3)
    assert admission.estimate(edit(None, picture("mask"))) == pytest.approx(20 + 3)


def test_a_model_that_takes_all_steps_whatever_the_strength_is_known_after_one() -> None:
    admission = knowing()
    admission.learn(edit(0.25), Timings(stages={"denoise": 20.0, "decode": 3.0}, steps=(1.0,) * 20))
    assert admission.estimate(edit(0.5)) == pytest.approx(20 + 3)


def test_what_was_measured_at_loading_is_known_before_the_first_picture() -> None:
    admission = Admission(60)
    points = [
        CostPoint(pixels=512 * 512, step=0.5, once={"decode": 1.0}),
        CostPoint(pixels=1024 * 1024, step=3.0, once={"decode": 4.0}),
    ]
    admission.set_costs("postcard", points, steps=20)
    assert admission.estimate(job().recipe) == pytest.approx(20 * 3.0 + 4.0)
    between = admission.estimate(job(width=768, height=768).recipe)
    assert 20 * 0.5 + 1.0 < between < 20 * 3.0 + 4.0
    assert admission.estimate(changed(job(), steps=4).recipe) == pytest.approx(4 * 3.0 + 4.0)


def test_half_of_the_estimates_are_within_a_fifth_after_a_few_pictures() -> None:
    """A device whose steps cost by a power of the pixels, with noise of a tenth, and shapes in any order."""
    rng = random.Random(5)
    admission = Admission(1e9)
    errors = []
    for _ in range(300):
        width, height, steps = rng.choice((512, 768, 1024)), rng.choice((512, 640, 1024)), rng.choice((4, 20, 50))
        asked = changed(job(width=width, height=height), steps=steps)
        noise = rng.gauss(1.0, 0.1)
        step, decode = 0.4 * (asked.recipe.pixels / 2**20) ** 1.3 * noise, 0.8 * asked.recipe.pixels / 2**20 * noise
        took = Timings(stages={"encode_prompt": 0.1, "denoise": steps * step, "decode": decode}, steps=(step,) * steps)
        errors.append(abs(admission.estimate(asked.recipe) - took.active) / took.active)
        admission.learn(asked.recipe, took)
    assert sorted(errors[10:])[145] < 0.2


def test_the_estimate_follows_a_machine_that_got_slower() -> None:
    admission = learned(bound=60, seconds=1)
    for _ in range(10):
        admission.learn(job().recipe, Timings(stages={"denoise": 3}, steps=(0.75,) * 4))
    assert 2.8 < admission.estimate(job().recipe) <= 3.02


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60))
def test_the_work_ahead_is_never_negative_and_zero_when_all_has_ended(moves: list[tuple[bool, float]]) -> None:
    admission = learned(bound=50, seconds=7)
    open_costs = []
    for number, (enter, done) in enumerate(moves):
        if enter:
            try:
                open_costs.append(admit(admission, changed(job(), id=str(number))))
            except Unavailable:
                assert admission.work_seconds > 50 - 7
        elif open_costs:
            admission.progress(open_costs[0], done)
            admission.release(open_costs.pop(0))
        assert 0 <= admission.work_seconds <= 57
    for cost in open_costs:
        admission.release(cost)
    assert admission.work_seconds == 0


def of(key: str, name: str, weight: float = 1.0) -> Order:
    return changed(job(f"{key}-{name}"), group=key, weight=weight)


def fill(admission: Admission, key: str, weight: float = 1.0) -> int:
    """How many pictures of a key fit."""
    for number in range(1000):
        try:
            admit(admission, of(key, f"filling {number}", weight))
        except Unavailable:
            return number
    raise AssertionError("there is no bound")


def test_a_key_with_nothing_under_way_gets_one_picture_in_whatever_others_asked_for() -> None:
    admission = learned(bound=5, seconds=10)
    assert fill(admission, "flood") == 1
    for other in range(20):
        admit(admission, of(f"key {other}", "first"))
        with pytest.raises(Unavailable):
            admit(admission, of(f"key {other}", "second"))


def test_a_key_gets_its_share_of_the_queue_after_another_has_filled_it() -> None:
    admission = learned(bound=120, seconds=10)
    assert fill(admission, "flood") == 12
    assert fill(admission, "late") == 6
    assert fill(admission, "later") == 4
    assert fill(admission, "flood") == 0


def test_shares_of_the_queue_go_by_the_weights_of_keys() -> None:
    admission = learned(bound=120, seconds=10)
    fill(admission, "flood")
    assert fill(admission, "heavy", weight=3.0) == 9


def test_all_pictures_of_a_request_are_admitted_or_none() -> None:
    admission = learned(bound=30, seconds=10)
    admit(admission, of("flood", "first"))
    with pytest.raises(Unavailable):
        admission.admit([of("modest", name) for name in "abcd"])
    assert admission.work_seconds == pytest.approx(10)


def test_a_request_beyond_its_seconds_is_refused_and_told_what_is_allowed() -> None:
    admission = Admission(60, request_seconds=45)
    admission.learn(job().recipe, Timings(stages={"denoise": 10}, steps=(2.5,) * 4))
    four, five = ([of("key", str(n)) for n in range(count)] for count in (4, 5))
    admission.check_size(four, job().recipe)
    with pytest.raises(InvalidRequest, match=r"about 50 s; at most 45 s.*`n` at most 4") as caught:
        admission.check_size(five, job().recipe)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "n")
    with pytest.raises(InvalidRequest, match="a smaller `size`") as caught:
        admission.check_size([job(width=4096, height=4096)], job().recipe)
    assert caught.value.param == "size"


def test_one_ordinary_picture_is_allowed_however_slow_the_machine() -> None:
    admission = Admission(60, request_seconds=45)
    admission.learn(job().recipe, Timings(stages={"denoise": 300}, steps=(75.0,) * 4))
    admission.check_size([job()], job().recipe)
    with pytest.raises(InvalidRequest, match="at most 300 s"):
        admission.check_size([job("a"), job("b")], job().recipe)


def test_nothing_is_refused_for_its_size_before_anything_was_measured() -> None:
    Admission(60, request_seconds=1e-6).check_size([job(width=4096, height=4096)], job().recipe)
