"""The schedule's rules by hand; `test_policy_simulated` tries them out on thousands of arrivals."""

from __future__ import annotations

from dataclasses import replace

from safelight.scheduling.policy import CREDIT_STEPS, FairShare, FirstComeFirstServed, Parked, RoundRobin
from safelight.scheduling.shares import Claim, Shares


def parked(run: str, arrived: int, since: int) -> Parked:
    return Parked(run, "denoise", arrived, since, 0, 0)


def waiting(run: str, group: str = "", *, came: float = 0.0, left: float = 1.0, weight: float = 1.0) -> Parked:
    return Parked(run, "denoise", int(came), 0, 0, 0, group, weight, came, left, left, step_seconds=1.0)


def test_round_robin_takes_the_run_that_has_waited_longest_since_its_turn() -> None:
    runs = [parked("first", 1, 9), parked("second", 2, 7), parked("third", 3, 8)]
    assert RoundRobin().choose(runs).run == "second"


def test_round_robin_gives_every_run_a_turn_in_each_round_whenever_it_arrived() -> None:
    since = {"a": 1, "b": 2, "c": 3}
    turns = []
    for position in range(4, 13):
        if position == 7:
            since["late"] = position - 1
        chosen = RoundRobin().choose([parked(run, 0, at) for run, at in since.items()])
        since[chosen.run] = position
        turns.append(chosen.run)
    assert turns[:3] == ["a", "b", "c"]
    assert sorted(turns[3:7]) == ["a", "b", "c", "late"]


def test_first_come_is_first_served_to_its_end() -> None:
    runs = [waiting("late", came=2, left=1), waiting("early", came=1, left=50)]
    assert FirstComeFirstServed().choose(runs).run == "early"


def test_within_a_group_the_shorter_work_goes_first() -> None:
    assert FairShare().choose([waiting("long", left=50), waiting("short", came=3, left=4)]).run == "short"


def test_within_a_group_what_has_waited_long_enough_is_overtaken_no_more() -> None:
    old = waiting("old", came=0, left=50)
    assert FairShare().choose([old, waiting("just in time", came=180, left=4)]).run == "just in time"
    assert FairShare().choose([old, waiting("too late", came=200, left=4)]).run == "old"


def test_equal_work_is_done_in_the_order_in_which_it_came() -> None:
    schedule = FairShare()
    runs = [waiting("a", came=0, left=4), waiting("b", came=1, left=4)]
    assert schedule.choose(runs).run == "a"
    schedule.served(runs[0], 1.0)
    assert schedule.choose([waiting("a", came=0, left=3), runs[1]]).run == "a"


def shares(weights: dict[str, float], turns: int = 600) -> dict[str, int]:
    """How many turns of one second each group gets while all have endless work."""
    schedule = FairShare()
    given = dict.fromkeys(weights, 0)
    for _ in range(turns):
        run = schedule.choose([waiting(g, g, left=1e6, weight=w) for g, w in weights.items()])
        schedule.served(run, 1.0)
        given[run.group] += 1
    return given


def test_groups_get_equal_shares_however_much_each_wants() -> None:
    assert shares({"a": 1.0, "b": 1.0, "c": 1.0}) == {"a": 200, "b": 200, "c": 200}


def test_weights_set_the_shares() -> None:
    given = shares({"a": 3.0, "b": 1.0})
    assert abs(given["a"] - 450) <= 8  # the credit at the start is settled after eight steps


def test_idleness_saves_up_no_more_than_a_few_steps() -> None:
    schedule = FairShare()
    busy = waiting("busy", "busy", left=1e6)
    for _ in range(1000):
        schedule.served(schedule.choose([busy]), 1.0)
    turns = []
    for _ in range(40):
        run = schedule.choose([busy, waiting("new", "new", left=1e6)])
        schedule.served(run, 1.0)
        turns.append(run.run)
    assert turns[:8] == ["new"] * 8
    assert turns.count("busy") >= 14


def test_ever_new_groups_do_not_starve_an_old_one() -> None:
    schedule = FairShare()
    old, turns = waiting("old", "old", left=1e6), []
    schedule.served(schedule.choose([old]), 1.0)
    for number in range(400):
        run = schedule.choose([old, waiting("new", f"new-{number // 4}", came=number, left=4)])
        schedule.served(run, 1.0)
        turns.append(run.run)
    # The credit of a hundred newcomers delays it by a bounded number of steps, then it has half of the device.
    assert turns.count("old") >= 150
    gaps = "".join("o" if turn == "old" else "." for turn in turns).split("o")
    assert max(map(len, gaps)) <= 24


def test_groups_that_left_are_forgotten() -> None:
    shares = Shares()
    for number in range(1000):
        shares.enter({f"group-{number}": Claim(credit=CREDIT_STEPS)})
        shares.serve(f"group-{number}", 1.0, 1.0)
    assert len(shares) < 10


def test_what_runs_in_the_background_has_a_turn_only_while_nobody_else_wants_one() -> None:
    schedule = FairShare()
    behind = replace(waiting("behind", "a in the background", came=0, left=1), background=True)
    for _ in range(100):
        chosen = schedule.choose([behind, waiting("before", "a", came=5, left=500)])
        assert chosen.run == "before"
        schedule.served(chosen, 1.0)
    assert schedule.choose([behind]).run == "behind"
