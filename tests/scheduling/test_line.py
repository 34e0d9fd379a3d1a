"""The line that is fair among groups."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from safelight.scheduling.line import FairLine, Verdict, Waiting


def waiting(
    name: str, group: str = "a", *, kind: str = "m", seconds: float = 1.0, came: float = 0.0, weight: float = 1.0
) -> Waiting[str]:
    return Waiting(name, name, group, kind, seconds, came, weight)


def now(_: Waiting[str]) -> Verdict:
    return "now"


def drained(line: FairLine[str]) -> list[str]:
    order = []
    while (taken := line.take(now)) is not None:
        order.append(taken.item)
    return order


def test_groups_take_turns_however_many_of_one_wait() -> None:
    line: FairLine[str] = FairLine()
    for n in range(4):
        line.add(waiting(f"a{n}", "a", came=n))
    for n in range(2):
        line.add(waiting(f"b{n}", "b", came=10 + n))
    assert drained(line) == ["a0", "b0", "a1", "b1", "a2", "a3"]


def test_a_heavier_group_has_more_turns() -> None:
    line: FairLine[str] = FairLine()
    for n in range(30):
        line.add(waiting(f"h{n}", "heavy", weight=3.0, came=n))
        line.add(waiting(f"l{n}", "light", came=n))
    assert sum(name[0] == "h" for name in drained(line)[:24]) in (17, 18, 19)


def test_within_a_group_short_goes_first_with_patience_for_long() -> None:
    line: FairLine[str] = FairLine()
    line.add(waiting("long", seconds=10, came=0))
    line.add(waiting("soon and short", seconds=1, came=30))
    line.add(waiting("late and short", seconds=1, came=45))
    assert drained(line) == ["soon and short", "long", "late and short"]


def test_who_has_left_is_not_served_and_a_name_may_come_again() -> None:
    line: FairLine[str] = FairLine()
    line.add(waiting("x", kind="m", seconds=1))
    assert line.remove("x") == "x"
    assert line.remove("x") is None
    line.add(waiting("x", kind="n", seconds=2))
    assert drained(line) == ["x"]


def test_a_kind_that_is_not_there_yet_holds_up_nobody_else() -> None:
    line: FairLine[str] = FairLine()
    for n in range(3):
        line.add(waiting(f"loading{n}", kind="loading", came=n))
    line.add(waiting("ready", kind="ready", came=9))
    taken = line.take(lambda w: "not yet" if w.kind == "loading" else "now")
    assert taken is not None
    assert taken.item == "ready"
    assert line.take(lambda w: "not yet") is None
    assert len(line) == 3


def test_a_group_without_room_lets_the_next_one_go() -> None:
    line: FairLine[str] = FairLine()
    line.add(waiting("a0", "a", came=0))
    line.add(waiting("b0", "b", came=1))
    taken = line.take(lambda w: "full" if w.group == "a" else "now")
    assert taken is not None
    assert taken.item == "b0"


def test_a_place_is_the_order_in_which_all_would_be_served() -> None:
    rng, line = random.Random(3), FairLine[str]()
    for n in range(300):
        seconds = rng.choice((1.0, 2.0, 30.0)) + rng.random() / 100
        line.add(waiting(f"{n}", rng.choice("aaaabc"), seconds=seconds, came=n / 10))
    for _ in range(40):
        line.take(now)
    places = {name: line.place(name) for name in line}
    ahead = 0.0
    for position, name in enumerate(list(drained_with_seconds(line)), 1):
        told = places[name[0]]
        assert told is not None
        assert abs(told[0] - position) <= 2  # groups whose turns fall on the same moment may change places
        assert abs(told[1] - ahead) <= 65
        ahead += name[1]


def drained_with_seconds(line: FairLine[str]) -> list[tuple[str, float]]:
    order = []
    while (taken := line.take(now)) is not None:
        order.append((taken.item, taken.seconds))
    return order


def test_asking_for_a_place_costs_about_the_same_in_a_line_of_a_hundred_times_the_length() -> None:
    def seconds_each(length: int) -> float:
        line: FairLine[str] = FairLine()
        for n in range(length):
            line.add(waiting(str(n), f"g{n % 3}", came=n))
        best = 1.0
        for _ in range(5):
            began = time.perf_counter()
            for n in range(0, length, length // 100):
                line.place(str(n))
            best = min(best, (time.perf_counter() - began) / 100)
        return best

    assert seconds_each(50_000) < 20 * seconds_each(500)


def test_one_who_does_not_wait_has_no_place_and_leaves_nothing() -> None:
    line: FairLine[str] = FairLine()
    assert line.place("nobody") is None
    assert line.remove("nobody") is None
    assert line.get("nobody") is None


def test_a_place_among_a_hundred_thousand_of_ten_groups_costs_little_more_than_among_a_thousand() -> None:
    """Seconds of the processor, in turns, and their ratio: it was 34 when all sums were read for each question."""
    lines: dict[int, FairLine[int]] = {}
    for length in (1_000, 100_000):
        line = lines[length] = FairLine[int]()
        for number in range(length):
            seconds = 1.0 + number % 7
            line.add(Waiting(str(number), number, f"key-{number % 10}", "model", seconds, came=number / 1000))

    def seconds_of(length: int) -> float:
        begun = time.process_time()
        for number in range(0, length, length // 500):
            lines[length].place(str(number))
        return time.process_time() - begun

    for length in lines:
        seconds_of(length)  # sums what has changed
    taken = [(seconds_of(100_000), seconds_of(1_000)) for _ in range(5)]
    assert min(long for long, _ in taken) < 12 * min(short for _, short in taken)


def test_a_group_without_room_lets_none_of_its_kinds_go() -> None:
    line: FairLine[str] = FairLine()
    for name, kind in (("one", "m"), ("two", "n")):
        line.add(waiting(name, kind=kind))
    asked = []

    def full(one: Waiting[str]) -> Verdict:
        asked.append(one.name)
        return "full"

    assert line.take(full) is None
    assert asked == ["one"]


def test_what_took_longer_than_expected_is_on_the_groups_account() -> None:
    line: FairLine[str] = FairLine()
    for name, group in (("a1", "a"), ("b1", "b"), ("a2", "a")):
        line.add(waiting(name, group))
    assert line.take(now) is not None
    line.correct("a", 1.0, 5.0)
    assert drained(line) == ["b1", "a2"]


def test_a_groups_turn_is_spent_wherever_it_is_served() -> None:
    """Else a group that floods would have a turn at each of those who serve one line."""
    line: FairLine[str] = FairLine()
    for n in range(3):
        line.add(waiting(f"a{n}", "a", came=n))
    for n in range(2):
        line.add(waiting(f"b{n}", "b", came=10 + n))
    assert line.served_elsewhere("a0") == "a0"
    assert line.served_elsewhere("a1") == "a1"
    assert line.served_elsewhere("a1") is None
    assert drained(line) == ["b0", "b1", "a2"]


def test_who_waits_in_the_background_goes_after_all_who_do_not_and_takes_turns_there() -> None:
    line: FairLine[str] = FairLine()
    for n, group in enumerate(("x", "x", "y")):
        line.add(Waiting(f"{group}{n}", f"{group}{n}", group, "m", 1.0, came=n, background=True))
    for n in range(3):
        line.add(waiting(f"a{n}", "a", seconds=50, came=10 + n))
    assert drained(line) == ["a0", "a1", "a2", "x0", "y2", "x1"]


def test_who_would_have_back_what_it_began_with_does_not_hold_up_others_of_its_kind() -> None:
    line: FairLine[str] = FairLine()
    line.add(replace(waiting("begun", came=0), began_with="old"))
    line.add(waiting("new", came=1))
    asked = list[str | None]()

    def has_new(one: Waiting[str]) -> Verdict:
        asked.append(one.began_with)
        return "not yet" if one.began_with == "old" else "now"

    taken = line.take(has_new)
    assert taken is not None
    assert taken.item == "new"
    assert asked == ["old", None]
    assert line.take(has_new) is None
    assert drained(line) == ["begun"]
