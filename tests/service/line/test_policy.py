"""Who goes next over many hosts, and where."""

from __future__ import annotations

import pytest

from safelight.protocol.cluster.placing import (
    ApiBatch,
    Ask,
    Drawing,
    Ended,
    HostGone,
    HostReport,
    Hosts,
    Joined,
    Leave,
    Placed,
)
from safelight.service.line.policy import LinePolicy
from tests.service.line.simulated import SimCluster, SimHost, model


def cluster(*hosts: SimHost, patience: float = 10.0) -> SimCluster:
    return SimCluster(hosts or (SimHost("one"),), patience=patience)


def hosts_of(there: SimCluster, *jobs: str) -> list[str]:
    """Where jobs are drawn; empty for one that waits."""
    every = {name: sim for api in there.apis.values() for name, sim in api.jobs.items()}
    return [every[name].host for name in jobs]


def test_a_host_is_given_as_much_as_it_has_room_for_and_the_next_when_one_has_ended() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    for number in range(6):
        there.ask(f"job_{number}", api="ab"[number % 2])
    assert sorted(hosts_of(there, *(f"job_{number}" for number in range(4)))) == ["one", "one", "two", "two"]
    there.end("job_0")
    assert hosts_of(there, "job_4", "job_5") == ["one", ""]


def test_whoever_has_least_to_do_for_its_workers_is_given_the_next() -> None:
    there = cluster(SimHost("small"), SimHost("large", room=8, workers=4))
    placed = [there.ask(f"job_{number}").host for number in range(10)]
    assert placed[:5].count("small") == 1
    assert placed.count("small") == 2


def test_a_key_that_floods_does_not_hold_up_another_whichever_process_it_comes_in_at() -> None:
    there = cluster(SimHost("one", room=1))
    for number in range(20):
        there.ask(f"flood_{number}", group="flood")
    for number in range(3):
        there.ask(f"light_{number}", api="b", group="light")
    while len(there.order) < 7:
        there.end(there.order[-1])
    assert sum(name.startswith("light") for name in there.order) == 3


def test_a_key_of_which_no_host_draws_anything_has_one_place_beyond_the_room_of_hosts() -> None:
    there = cluster(SimHost("one", beyond=1), SimHost("two", beyond=1, room=3))
    for number in range(9):
        there.ask(f"flood_{number}", group="flood")
    placed = hosts_of(there, *(f"flood_{number}" for number in range(9)))
    assert [placed.count(host) for host in ("one", "two")] == [2, 3]
    there.ask("light_0", api="b", group="light")
    there.ask("light_1", api="b", group="light")
    assert hosts_of(there, "light_0", "light_1") == ["one", ""], "where least is to be done, and of each key one"
    there.ask("other", api="b", group="other")
    there.ask("third", api="b", group="third")
    assert hosts_of(there, "other", "third") == ["two", ""], "and of each host one"
    there.end("light_0")
    assert hosts_of(there, "third", "light_1") == ["one", ""], "they wait in turns, as everybody"
    there.end("third")
    assert hosts_of(there, "light_1") == ["one"]
    there.end("light_1")
    assert hosts_of(there, "flood_5") == [""], "who has something at a host waits for room"


def test_background_and_what_is_drawn_alone_are_given_no_place_beyond_and_one_that_is_kept_free_has_none() -> None:
    there = cluster(SimHost("one", beyond=1))
    for number in range(3):
        there.ask(f"flood_{number}", group="flood")
    there.ask("batch", group="batch", background=True)
    there.ask("suspect", group="suspect", alone=True)
    there.ask("light", group="light")
    assert hosts_of(there, "batch", "suspect", "light") == ["", "", ""]
    there.end("flood_0")
    there.end("flood_1")
    assert hosts_of(there, "suspect", "light") == ["one", ""]
    there.end("suspect")
    assert set(hosts_of(there, "light", "flood_2")) == {"one"}


def test_a_key_that_took_longer_than_was_expected_waits_for_its_next_turn_and_what_was_given_up_is_forgiven() -> None:
    there = cluster(SimHost("one", room=1))
    there.ask("first")
    for number in range(3):
        there.ask(f"a_{number}", group="a")
        there.ask(f"b_{number}", api="b", group="b")
    there.end("first")
    began = there.order[-1][0]
    there.end(there.order[-1], seconds=4.0)  # it was to take one
    other = "b" if began == "a" else "a"
    for _ in range(3):
        assert there.order[-1][0] == other
        there.end(there.order[-1])
    there.ask("given_up", group="c", seconds=50.0)
    there.end(there.order[-1])
    assert there.order[-1] == "given_up"
    there.ask("next", group="c")
    there.leave("given_up")
    there.stop("one")
    assert there.order[-1] == "next"


def test_background_goes_last_and_never_takes_the_last_place() -> None:
    there = cluster(SimHost("one", room=2))
    for number in range(3):
        there.ask(f"batch_{number}", background=True, group="key in the background")
    assert hosts_of(there, "batch_0", "batch_1") == ["one", ""]
    there.ask("job")
    assert hosts_of(there, "job") == ["one"]
    there.ask("job_2")
    there.end("job")
    assert hosts_of(there, "job_2", "batch_1") == ["one", ""]
    there.end("job_2")
    there.end("batch_0")
    assert hosts_of(there, "batch_1") == ["one"]
    alone = cluster(SimHost("one", room=1))
    alone.ask("batch", background=True)
    assert hosts_of(alone, "batch") == ["one"]


def test_what_is_drawn_in_the_background_makes_no_host_busy() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    there.ask("batch", background=True)
    for number in range(2):
        there.ask(f"job_{number}")
    assert sorted(hosts_of(there, "job_0", "job_1")) == ["one", "two"]


def test_a_model_is_looked_for_where_it_is_on_the_device() -> None:
    away = (model("m", "none"), model("n", "device"))
    here = (model("m", "device"), model("n", "host"))
    there = cluster(SimHost("one", models=away), SimHost("two", models=here))
    # Two pictures of a second beside each other are done before the model has come elsewhere; only then is it brought.
    for number in range(3):
        there.ask(f"m_{number}", source="m")
    assert hosts_of(there, "m_0", "m_1", "m_2") == ["two", "two", "one"]
    there.ask("other", source="n")
    there.ask("unknown", source="x")
    assert hosts_of(there, "other", "unknown") == ["one", ""]


def test_a_long_job_is_worth_bringing_a_model_to_a_host_that_has_nothing_to_do() -> None:
    there = cluster(SimHost("one"), SimHost("two", models=(model(where="none", bring_seconds=8.0),)))
    there.ask("first", seconds=20.0)
    there.ask("short", seconds=7.0)
    there.end("short")
    there.ask("long", seconds=20.0)
    assert hosts_of(there, "first", "long") == ["one", "two"]


def test_what_waits_for_one_model_holds_up_nobody_who_waits_for_another() -> None:
    there = cluster(SimHost("one", room=1, models=(model("m"),)), SimHost("two", room=1, models=(model("n"),)))
    for number in range(3):
        there.ask(f"m_{number}", source="m")
    there.ask("n", source="n")
    assert hosts_of(there, "n") == ["two"]


@pytest.mark.parametrize("status", ["loading", "failed"])
def test_a_model_that_is_not_ready_is_waited_for(status: str) -> None:
    host = SimHost("one", models=())
    there = cluster(host)
    there.ask("job")
    assert hosts_of(there, "job") == [""]
    host.models = (model(),)
    there.report("one")
    assert hosts_of(there, "job") == ["one"]


def test_the_same_picture_is_drawn_once_for_whoever_wants_it_wherever_he_asks() -> None:
    there = cluster(SimHost("one", room=1))
    there.ask("busy")
    for api, group in (("a", "x"), ("b", "y"), ("b", "z")):
        there.ask(f"same_{group}", api, group=group, identity=b"same")
    there.ask("other", identity=b"other")
    there.end("busy")
    assert there.order == ["busy", "same_x"]
    assert hosts_of(there, "same_x", "same_y", "same_z", "other") == ["one", "one", "one", ""]
    there.ask("late", "b", identity=b"same")  # while it is drawn
    assert hosts_of(there, "late") == ["one"]
    assert there.line.standing(there.now).joined == 3
    there.end("same_x")
    there.ask("again", "b", identity=b"same")  # it has ended
    assert hosts_of(there, "other") == ["one"]
    assert hosts_of(there, "again") == [""]


def test_a_key_whose_turn_comes_sooner_has_the_picture_drawn_for_those_behind_it_too() -> None:
    there = cluster(SimHost("one", room=1))
    for number in range(5):
        there.ask(f"flood_{number}", group="flood")
    there.ask("last", group="flood", identity=b"same")
    there.ask("light", "b", group="light", identity=b"same")
    for _ in range(2):
        there.end(there.order[-1])
    assert hosts_of(there, "light", "last") == ["one", "one"]
    assert there.order[-1] == "light"


def test_who_began_a_picture_may_leave_it_to_the_others_and_the_last_who_leaves_stops_it() -> None:
    there = cluster(SimHost("one", room=1))
    for api in "ab":
        there.ask(f"job_{api}", api, identity=b"same")
    there.leave("job_a", "a")
    there.ask("next")
    there.stop("one")
    assert hosts_of(there, "job_b", "next") == ["one", ""]
    there.leave("job_b", "b")
    assert hosts_of(there, "next") == [""]  # it is not stopped yet
    there.stop("one")
    assert hosts_of(there, "next") == ["one"]


def test_nothing_that_is_drawn_alone_or_in_the_background_is_shared() -> None:
    there = cluster(SimHost("one"), SimHost("two"), SimHost("three"))
    there.ask("job", identity=b"same")
    there.ask("alone", "b", identity=b"same", alone=True)
    there.ask("batch", "b", identity=b"same", background=True)
    assert len(set(hosts_of(there, "job", "alone"))) == 2
    assert there.order == ["job", "alone", "batch"]


def test_who_cannot_follow_a_picture_has_it_drawn_for_itself() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    there.ask("leader", identity=b"same")
    there.ask("follower", "b", identity=b"same")
    (host,) = set(hosts_of(there, "leader", "follower"))
    sim = there.apis["b"].jobs["follower"]
    sim.host = ""  # what it was to follow was not there
    there.tell("b", sim.ask)
    there.hear()
    assert (sim.host, sim.leader) == (({"one", "two"} - {host}).pop(), "follower")
    there.lose("b", "follower")
    there.hear()
    assert (sim.host, sim.leader) == (host, "leader")  # the host that it avoids is not this one


def test_a_job_alone_has_a_host_to_itself_and_waits_for_one_before_all_others() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    for number in range(4):
        there.ask(f"job_{number}")
    there.ask("alone", alone=True)
    there.ask("alone_too", alone=True)
    there.ask("later")
    on_one = [name for name in ("job_0", "job_1", "job_2", "job_3") if hosts_of(there, name) == ["one"]]
    there.end(on_one[0])  # that host is kept free now
    assert hosts_of(there, "alone", "later") == ["", ""]
    there.end(on_one[1])
    assert hosts_of(there, "alone", "later") == ["one", ""]
    there.end("alone")
    assert hosts_of(there, "alone_too") == ["one"]
    there.end("alone_too")
    assert hosts_of(there, "later") == ["one"]


def test_a_job_alone_that_nobody_can_draw_keeps_no_host_free() -> None:
    there = cluster(SimHost("one"))
    there.ask("alone", alone=True, source="x")
    there.ask("job")
    assert hosts_of(there, "alone", "job") == ["", "one"]
    there.leave("alone")
    assert there.line.standing(there.now).waiting == 0


def test_a_retry_waits_for_its_own_fingerprint_for_so_long_and_then_takes_any() -> None:
    other = SimHost("other", models=(model(fingerprint="g"),))
    there = cluster(SimHost("own", room=1), other, patience=5.0)
    there.ask("busy")
    there.ask("any", fingerprint=None)
    there.ask("exact", fingerprint="f")
    there.ask("exact_too", fingerprint="f")
    assert hosts_of(there, "busy", "any", "exact") == ["own", "other", ""]
    there.end("busy")
    assert hosts_of(there, "exact", "exact_too") == ["own", ""]
    there.wait(4.0)
    assert hosts_of(there, "exact_too") == [""]
    there.wait(2.0)
    assert hosts_of(there, "exact_too") == ["other"]


def test_a_retry_waits_for_as_long_as_its_api_process_was_set() -> None:
    there = cluster(SimHost("other", models=(model(fingerprint="g"),)), patience=60.0)
    there.ask("exact", fingerprint="f", patience_seconds=2.0)
    there.ask("at_once", fingerprint="f", patience_seconds=0.0)
    there.wait(1.0)
    assert hosts_of(there, "exact", "at_once") == ["", "other"]
    there.wait(2.0)
    assert hosts_of(there, "exact") == ["other"]


def test_a_picture_of_another_fingerprint_is_followed_when_patience_is_over_and_not_before() -> None:
    there = cluster(SimHost("other", models=(model(fingerprint="g"),)), patience=5.0)
    there.ask("leader", identity=b"same")
    there.ask("exact", "b", identity=b"same", fingerprint="f")
    there.ask("same", "b", identity=b"same", fingerprint="g")
    assert hosts_of(there, "exact", "same") == ["", "other"]
    there.wait(6.0)
    assert there.apis["b"].jobs["exact"].leader == "leader"


def test_a_host_at_which_a_job_was_lost_is_avoided_while_there_is_another() -> None:
    there = cluster(SimHost("one", room=1), SimHost("two", room=1))
    there.ask("job", avoid=("one",))
    there.ask("second", avoid=("one",))
    assert hosts_of(there, "job", "second") == ["two", ""]  # another could draw it, and will
    there.end("job")
    there.ask("third", avoid=("one", "two"))
    assert hosts_of(there, "second", "third") == ["two", "one"]
    there.leave("third")
    there.stop("one")
    there.ask("alone", avoid=("two",), alone=True)
    assert hosts_of(there, "alone") == ["one"]


def test_a_host_that_drains_ends_what_it_has_and_is_given_nothing() -> None:
    one = SimHost("one")
    there = cluster(one)
    there.ask("job")
    one.draining = True
    there.report("one")
    there.ask("later")
    there.ask("alone", alone=True)
    assert hosts_of(there, "job", "later", "alone") == ["one", "", ""]
    there.end("job")
    assert hosts_of(there, "later", "alone") == ["", ""]
    (standing,) = there.line.standing(there.now).hosts
    assert standing.draining


def test_what_a_dead_host_had_is_drawn_elsewhere_as_soon_as_its_reader_asks() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    sims = [there.ask(f"job_{number}") for number in range(4)]
    lost = [sim for sim in sims if sim.host == "one"]
    kept = [sim for sim in sims if sim.host == "two"]
    there.crash("one")
    assert [sim.host for sim in lost] == ["", ""]
    assert [sim.host for sim in kept] == ["two", "two"]
    for sim in kept:
        there.end(sim.ask.job)
    assert [sim.host for sim in lost] == ["two", "two"]


def test_a_silent_host_counts_as_dead_after_eight_seconds_and_who_draws_there_is_told() -> None:
    one, two = SimHost("one", room=1), SimHost("two", room=1)
    there = cluster(one, two)
    sims = [there.ask(f"job_{number}") for number in range(2)]
    frozen = there.hosts[sims[0].host]
    frozen.frozen = True
    there.end("job_1")
    there.wait(6.0)
    assert sims[0].host == frozen.name
    there.wait(3.0)
    assert sims[0].host == ({"one", "two"} - {frozen.name}).pop()
    frozen.frozen = False  # it goes on with what was drawn elsewhere meanwhile
    there.wait(2.0)
    there.ask("next")
    there.ask("alone", alone=True)
    assert hosts_of(there, "next", "alone") == ["", ""]
    frozen.in_hand.clear()
    there.report(frozen.name)
    assert frozen.name in hosts_of(there, "next", "alone")


def test_a_silent_api_process_is_forgotten_and_told_to_say_all_again_when_it_is_back() -> None:
    there = cluster(SimHost("one", room=1))
    there.ask("job", "b")
    there.ask("waits", "b")
    there.ask("behind", "a")
    there.apis["b"].deaf = True
    there.wait(9.0)
    assert there.line.standing(there.now).apis == ("a",)
    there.stop("one")
    assert hosts_of(there, "behind") == [""]  # the host draws on for a while
    there.hosts["one"].in_hand.clear()
    there.report("one")
    assert hosts_of(there, "behind") == ["one"]
    there.apis["b"].deaf = False
    there.apis["b"].jobs["job"].host = ""
    there.wait(2.0)
    assert there.line.standing(there.now).waiting == 2
    there.end("behind")
    assert hosts_of(there, "job", "waits").count("one") == 1


def test_a_line_that_begins_again_waits_a_second_to_be_told_and_places_nothing_twice() -> None:
    there = cluster(SimHost("one"), SimHost("two"))
    for number in range(6):
        there.ask(f"job_{number}", "ab"[number % 2], identity=b"same" if number in (0, 1) else None)
    assert there.apis["b"].jobs["job_1"].leader == "job_0"
    there.wait(3.0)
    there.new_line()
    there.ask("new", "b")
    there.ask("same", "b", identity=b"same")
    assert there.apis["b"].jobs["same"].leader == "job_0"
    assert hosts_of(there, "job_5", "new") == ["", ""]
    there.report("one", "two")
    there.wait(0.5)
    assert hosts_of(there, "job_5", "new") == ["", ""]
    there.end("job_2")
    assert hosts_of(there, "job_5", "new") == ["", ""]
    there.wait(0.5)
    assert hosts_of(there, "job_5", "new") != ["", ""]  # it came first, and is of the same key
    assert there.apis["b"].jobs["job_5"].times_placed == 1
    assert all(sim.times_placed <= 1 for api in there.apis.values() for sim in api.jobs.values())


def test_a_stream_that_broke_loses_nothing() -> None:
    there = cluster(SimHost("one", room=1))
    there.line.listen_no_longer("a")
    there.apis["a"].deaf = True
    sims = [there.ask(f"job_{number}") for number in range(2)]
    there.apis["a"].deaf = False
    there.tell("a", *(sim.ask for sim in sims))
    there.line.turn(there.now)
    assert there.line.take_said() == {}  # it is told to nobody
    there.line.listen("a", there.now)
    there.hear()
    assert hosts_of(there, "job_0", "job_1") == ["one", ""]
    there.line.listen("a", there.now)
    there.hear()
    assert [sim.times_placed for sim in sims] == [1, 0]


def test_what_a_whole_batch_does_not_name_is_over() -> None:
    there = cluster(SimHost("one", room=1))
    for number in range(3):
        there.ask(f"job_{number}")
    api = there.apis["a"]
    del api.jobs["job_0"], api.jobs["job_1"]
    there.hosts["one"].in_hand.clear()
    there.line.listen("a", there.now)
    there.hear()
    there.report("one")
    assert hosts_of(there, "job_2") == ["one"]
    assert there.line.standing(there.now).waiting == 0


def listen(line: LinePolicy, *apis: str) -> None:
    """These processes listen, and have told all: nothing."""
    for api in apis:
        line.listen(api, 0.0)
        line.tell(ApiBatch(api=api, whole=True), 0.0)


def said(line: LinePolicy, now: float, api: str = "a") -> list[object]:
    """What is said to one process, but for how hosts stand."""
    line.turn(now)
    return [message for message in line.take_said().get(api, ()) if isinstance(message, Placed | Joined)]


def test_messages_that_cross_each_other_change_nothing() -> None:
    line = LinePolicy(0.0, settle_seconds=0.0)
    listen(line, "a")
    host = HostReport(host="one", room=1, models=(model(),))
    line.report([host, HostGone(host="two")], 0.0)
    ask = Ask(job="job", source="m", seconds=1.0)
    line.tell(ApiBatch(api="a", messages=(Leave(job="x"), Ended(job="x"), ask)), 0.0)
    assert said(line, 0.0) == [Placed(job="job", host="one")]
    line.report([host], 0.1)  # sent before the host had it
    line.tell(ApiBatch(api="a", messages=(Ask(job="next", source="m"),)), 0.1)
    assert said(line, 0.1) == []
    # A whole batch that was sent before the place was heard: it is told again, at the same host.
    line.tell(ApiBatch(api="a", messages=(ask, Ask(job="next", source="m")), whole=True), 0.2)
    assert said(line, 0.2) == [Placed(job="job", host="one")]
    # What was heard already is said to be drawn, and stays as it is; so does what another host draws in truth.
    line.tell(ApiBatch(api="a", messages=(Drawing(ask=ask, host="one"), Ask(job="next", source="m")), whole=True), 0.3)
    assert line.standing(0.3).drawing == 1
    moved = Drawing(ask=ask, host="two")
    line.tell(ApiBatch(api="a", messages=(moved, Ask(job="next", source="m")), whole=True), 0.4)
    line.report([host], 0.4)
    assert said(line, 0.4) == [Placed(job="next", host="one")]
    # A host that has ended a job has room, whatever its api process has not said yet.
    line.report([replace_in_hand(host, "next")], 0.5)
    line.report([host], 0.6)
    line.tell(ApiBatch(api="a", messages=(Ask(job="last", source="m"), Leave(job="last"), Ended(job="next"))), 0.7)
    assert said(line, 0.7) == []
    assert line.standing(0.7).drawing == 1
    # One whose place was lost with its host, and who has not heard of it, waits anew.
    line.report([HostGone(host="two")], 0.8)
    line.tell(ApiBatch(api="a", messages=(ask,), whole=True), 0.9)
    assert said(line, 0.9) == [Placed(job="job", host="one")]


def replace_in_hand(report: HostReport, *jobs: str) -> HostReport:
    return HostReport(host=report.host, room=report.room, models=report.models, in_hand=jobs)


def test_a_follower_that_is_told_before_whom_it_follows_takes_one_place_with_it() -> None:
    line = LinePolicy(0.0, settle_seconds=0.0)
    line.report([HostReport(host="one", room=2, models=(model(),), in_hand=("leader",))], 0.0)
    asks = {name: Ask(job=name, source="m", seconds=1.0, identity=b"same") for name in ("leader", "follower")}
    follows = Drawing(ask=asks["follower"], host="one", leader="leader")
    line.tell(ApiBatch(api="b", messages=(follows,), whole=True), 0.0)
    line.tell(ApiBatch(api="a", messages=(Drawing(ask=asks["leader"], host="one"),), whole=True), 0.0)
    (host,) = line.standing(0.0).hosts
    assert host.taken == 1
    line.tell(ApiBatch(api="a", messages=(Ended(job="leader", seconds=1.0),)), 0.0)
    (host,) = line.standing(0.0).hosts
    assert host.taken == 0
    # The same job, as another process took it over.
    line.tell(ApiBatch(api="a", messages=(Drawing(ask=asks["follower"], host="one"),)), 0.0)
    line.tell(ApiBatch(api="b", messages=(Leave(job="nothing"),)), 0.0)
    assert line.standing(0.0).drawing == 1


def test_api_processes_hear_of_hosts_that_stand_otherwise_and_now_and_then_of_their_workers() -> None:
    line = LinePolicy(0.0)
    line.listen("a", 0.0)
    line.take_said()

    def told(now: float, **fields: object) -> list[Hosts]:
        report = HostReport(**({"host": "one", "models": (model(),)} | fields))  # type: ignore[arg-type]
        line.report([report], now)
        heard = line.take_said().get("a", ())
        return [message for message in heard if isinstance(message, Hosts)]

    (first,) = told(0.0, in_hand=("job",), work_seconds=2.0)
    assert first.hosts == (HostReport(host="one", models=(model(),)),)
    assert told(1.0, in_hand=("other",), worker_states=b"1") == []
    (changed,) = told(2.0, draining=True, worker_states=b"2")
    assert changed.hosts[0].draining
    assert told(4.0, draining=True, worker_states=b"3") == []
    (workers,) = told(12.5, draining=True, worker_states=b"4")
    assert workers.hosts[0].worker_states == b"4"
    line.listen("b", 13.0)
    (whole,) = [message for message in line.take_said()["b"] if isinstance(message, Hosts)]
    assert (whole.whole, whole.hosts) == (True, workers.hosts)


def test_how_it_stands_is_told_to_whoever_looks() -> None:
    there = cluster(SimHost("one", room=1), patience=10.0)
    for number in range(3):
        there.ask(f"job_{number}", seconds=2.0, waited_seconds=float(number))
    there.wait(1.0)
    standing = there.line.standing(there.now)
    assert (standing.waiting, standing.drawing, standing.placed, standing.workers) == (2, 1, 1, 1)
    assert (standing.oldest_seconds, standing.waiting_seconds, standing.apis) == (3.0, 4.0, ("a", "b"))
    (host,) = standing.hosts
    assert (host.host, host.kind, host.room, host.taken, host.on_device, host.fingerprints) == (
        "one",
        "k",
        1,
        1,
        ("m",),
        ("f",),
    )
    there.leave("job_1")
    assert there.line.standing(there.now).waiting == 1


def test_who_wants_the_same_is_told_where_to_follow_once_the_host_has_it() -> None:
    line = LinePolicy(0.0, settle_seconds=0.0)
    listen(line, "a", "b")
    host = HostReport(host="one", room=1, models=(model(),))
    line.report([host], 0.0)
    line.tell(ApiBatch(api="a", messages=(Ask(job="leader", source="m", identity=b"same"),)), 0.0)
    line.turn(0.0)
    line.tell(ApiBatch(api="b", messages=(Ask(job="behind", source="m", identity=b"same"),)), 0.0)
    assert said(line, 0.0, "b") == []
    line.report([replace_in_hand(host, "leader")], 0.1)
    follow = Joined(job="behind", leader="leader", host="one")
    assert said(line, 0.1, "b") == [follow]
    line.report([host, replace_in_hand(host, "leader")], 0.2)  # it is told once
    assert said(line, 0.2, "b") == []


@pytest.mark.parametrize("how", ["left", "ended", "lost"])
def test_who_waited_to_follow_what_the_host_never_had_is_placed_itself_or_told_how_it_ended(how: str) -> None:
    line = LinePolicy(0.0, settle_seconds=0.0)
    listen(line, "a", "b")
    hosts = [HostReport(host=name, room=1, models=(model(),)) for name in ("one", "two")]
    line.report(hosts[:1], 0.0)
    line.tell(ApiBatch(api="a", messages=(Ask(job="leader", source="m", identity=b"same"),)), 0.0)
    line.turn(0.0)
    line.tell(ApiBatch(api="b", messages=(Ask(job="behind", source="m", identity=b"same"),)), 0.0)
    if how == "lost":
        line.report([HostGone(host="one"), hosts[1]], 0.0)
        assert said(line, 0.0, "b") == [Placed(job="behind", host="two")]
        return
    done = Leave(job="leader") if how == "left" else Ended(job="leader", seconds=1.0)
    line.tell(ApiBatch(api="a", messages=(done,)), 0.0)
    line.report(hosts[:1], 0.1)
    follow, own = Joined(job="behind", leader="leader", host="one"), Placed(job="behind", host="one")
    assert said(line, 0.1, "b") == [own if how == "left" else follow]
