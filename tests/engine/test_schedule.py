from safelight.engine.schedule import Parked, RoundRobin


def parked(run: str, arrived: int, since: int) -> Parked:
    return Parked(run, "denoise", arrived, since, 0, 0)


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
