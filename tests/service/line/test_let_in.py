"""The line keeps count of what all api processes have under way: one bound, and all hosts' workers once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.protocol.cluster.placing import Amount, ApiBatch, HostReport, LetInReply, LetInRequest, UnderWay, Wanted
from safelight.service.line.policy import LinePolicy

_BOUND_SECONDS = 10.0


def line(hosts: int = 2) -> LinePolicy:
    made = LinePolicy(0.0)
    made.report([HostReport(host=f"host {number}", workers=2) for number in range(hosts)], 0.0)
    return made


def ask(api: str, seconds: float, *own: Amount, owner: str = "key") -> LetInRequest:
    return LetInRequest(api=api, wanted=(Wanted(owner=owner, seconds=seconds),), own=own, bound_seconds=_BOUND_SECONDS)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.1, 9.0))), st.integers(1, 3))
def test_a_flood_over_all_processes_gets_in_the_bound_and_one_picture_at_most(
    works: list[tuple[str, float]], hosts: int
) -> None:
    made, under_way = line(hosts), dict.fromkeys("abcd", 0.0)
    for api, seconds in works:
        own = (Amount(owner="key", seconds=under_way[api]),) if under_way[api] else ()
        (wait,) = made.let_in(ask(api, seconds, *own)).waits
        if wait == 0.0:
            under_way[api] += seconds
        else:
            assert sum(under_way.values()) + seconds > 2 * hosts * _BOUND_SECONDS
    assert sum(under_way.values()) <= 2 * hosts * _BOUND_SECONDS + 9.0


def test_workers_of_hosts_count_once_however_many_processes_ask() -> None:
    made = line()
    for api in "abcd":
        made.listen(api, 0.0)
    assert made.let_in(ask("a", 36.0)) == LetInReply(waits=(0.0,), sharers=4)
    assert made.let_in(ask("b", 6.0)).waits == ((42.0 - 40.0) / 4,)
    assert made.let_in(ask("b", 6.0, owner="another")).waits == (0.0,)  # it has its share


def test_what_is_done_makes_room_when_it_is_told_and_who_is_gone_has_nothing_under_way() -> None:
    made = line()
    made.tell(ApiBatch(api="a"), 0.0)
    assert made.let_in(ask("a", 39.0)).waits == (0.0,)
    assert made.let_in(ask("b", 6.0)).waits != (0.0,)
    made.tell(ApiBatch(api="a", messages=(UnderWay(amounts=(Amount(owner="key", seconds=30.0),)),)), 1.0)
    assert made.let_in(ask("b", 6.0)).waits == (0.0,)
    assert made.let_in(ask("b", 6.0, Amount(owner="key", seconds=6.0))).waits != (0.0,)
    made.report([HostReport(host=f"host {number}", workers=2) for number in range(2)], 7.5)
    made.tell(ApiBatch(api="b"), 7.5)
    made.turn(9.5)  # the first has said nothing for eight seconds
    assert made.let_in(ask("b", 6.0, Amount(owner="key", seconds=6.0))).waits == (0.0,)
