"""The room that models have: what fits, and who goes first."""

from __future__ import annotations

from safelight.engine.residency.room import Room
from safelight.engine.residency.slot import Known, ModelSlot, State
from safelight.protocol.messages import ModelSpec


def here(source: str, size: int, last_used: int, *, in_use: int = 0, pinned: bool = False) -> ModelSlot:
    spec = ModelSpec(source=source, pinned=pinned)
    return ModelSlot(spec, Known(bytes=size), State.HERE, in_use=in_use, last_used=last_used)


def room(budget: int | None, *slots: ModelSlot) -> Room:
    return Room({slot.source: slot for slot in slots}, budget)


def test_the_least_recently_used_goes_and_no_more_than_has_to() -> None:
    slots = [here("a", 40, 3), here("b", 40, 1), here("c", 20, 2)]
    assert [slot.source for slot in room(100, *slots).make(50, keep=0)] == ["b", "c"]
    assert [slot.state for slot in slots] == [State.HERE, State.LEAVING, State.LEAVING]


def test_what_is_drawn_with_or_pinned_stays() -> None:
    slots = [here("a", 60, 1, in_use=1), here("b", 60, 2, pinned=True)]
    full = room(100, *slots)
    assert full.make(10, keep=0) == []
    assert not full.fits(0)


def test_one_that_is_too_large_by_itself_stays_where_it_is() -> None:
    assert room(100, here("a", 200, 1)).make(0, keep=1) == []


def test_who_is_wanted_comes_where_it_fits_or_nobody_could_ever_make_room() -> None:
    wanted = ModelSlot(ModelSpec(source="wanted"), Known(bytes=60))
    assert room(100, here("a", 40, 1)).may_take(wanted)
    assert not room(100, here("a", 50, 1, in_use=1)).may_take(wanted)
    assert room(100, here("a", 50, 1, in_use=1, pinned=True)).may_take(wanted), "loading says whether it fits"


def test_without_a_bound_everything_fits() -> None:
    assert room(None, here("a", 10**12, 1)).fits(10**12)
