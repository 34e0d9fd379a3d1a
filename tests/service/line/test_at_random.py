"""Whatever happens in whatever order: no job has two places, no host more than it takes, and none waits for ever."""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.service.line.simulated import SimCluster, SimHost, model

_KINDS = (
    (model("m", fingerprint="f"), model("n", "host", fingerprint="f")),
    (model("m", "none", fingerprint="g"), model("n", fingerprint="g")),
)


class Cluster(RuleBasedStateMachine):
    """`SimCluster` asserts at every placement that the job has no other, and that the host has room for it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        hosts = [SimHost(f"h{n}", room=1 + n % 3, beyond=n // 2, models=_KINDS[n % 2]) for n in range(4)]
        self.there = SimCluster(hosts, apis=("a", "b", "c"), patience=5.0)
        self.dead_since: dict[str, float] = {}

    def jobs(self, *, drawn: bool = False) -> list[tuple[str, str]]:
        return [
            (api.name, name)
            for api in self.there.apis.values()
            for name, sim in api.jobs.items()
            if not api.deaf and (sim.host or not drawn)
        ]

    def in_hand(self) -> list[str]:
        return sorted(job for host in self.there.hosts.values() if not host.frozen for job in host.in_hand)

    @rule(
        api=st.sampled_from("abc"),
        group=st.sampled_from("xyz"),
        source=st.sampled_from("mn"),
        identity=st.sampled_from([None, None, b"1", b"2"]),
        fingerprint=st.sampled_from([None, None, "f", "g"]),
        seconds=st.sampled_from([0.0, 0.5, 20.0]),
        kind=st.sampled_from(["", "", "", "background", "alone"]),
    )
    def ask(
        self,
        api: str,
        group: str,
        source: str,
        identity: bytes | None,
        fingerprint: str | None,
        seconds: float,
        kind: str,
    ) -> None:
        self.count += 1
        background = kind == "background"
        self.there.ask(
            f"job_{self.count:03}",
            api,
            group=f"{group} in the background" if background else group,
            source=source,
            identity=identity + source.encode() if identity else None,
            fingerprint=fingerprint,
            seconds=seconds,
            background=background,
            alone=kind == "alone",
        )

    @precondition(lambda self: self.in_hand())
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.there.end(data.draw(st.sampled_from(self.in_hand())), seconds=data.draw(st.sampled_from([0.0, 1.0, 30.0])))

    @precondition(lambda self: self.jobs())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        api, job = data.draw(st.sampled_from(self.jobs()))
        self.there.leave(job, api)

    @rule(host=st.sampled_from(["h0", "h1", "h2", "h3"]))
    def stop(self, host: str) -> None:
        if not self.there.hosts[host].frozen:
            self.there.stop(host)

    @rule(host=st.sampled_from(["h0", "h1", "h2", "h3"]), what=st.sampled_from(["frozen", "draining"]))
    def turn(self, host: str, what: str) -> None:
        """It freezes or thaws, or begins to drain or not."""
        there = self.there.hosts[host]
        if there.frozen and what == "draining":
            return
        setattr(there, what, not getattr(there, what))
        if not there.frozen:
            self.there.report(host)

    @precondition(lambda self: self.jobs(drawn=True))
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        """A host's worker died: the job is asked for again by all who read it, and there no more."""
        api, job = data.draw(st.sampled_from(self.jobs(drawn=True)))
        sim = self.there.apis[api].jobs[job]
        host, leader = self.there.hosts[sim.host], sim.leader
        if host.frozen:
            return
        for held in (host.in_hand, host.stopping, host.alone):
            held.discard(leader)
        for each in self.there.apis.values():
            for name in [name for name, s in each.jobs.items() if (s.host, s.leader) == (host.name, leader)]:
                self.there.lose(each.name, name)
        self.there.report(host.name)

    @rule(api=st.sampled_from("abc"))
    def turn_deaf(self, api: str) -> None:
        """An api process freezes, or is back."""
        there = self.there.apis[api]
        there.deaf = not there.deaf
        if there.deaf:
            self.there.line.listen_no_longer(api)
        else:
            self.there.line.listen(api, self.there.now)
            self.there.hear()

    @rule()
    def line_begins_again(self) -> None:
        self.there.new_line()

    @rule(seconds=st.sampled_from([0.5, 2.0, 9.0]))
    def wait(self, seconds: float) -> None:
        self.there.wait(seconds)

    @invariant()
    def counts_agree(self) -> None:
        standing = self.there.line.standing(self.there.now)
        assert all(host.taken >= 0 for host in standing.hosts)

    def teardown(self) -> None:
        """All is well again: everything that waits is drawn, and nothing is left over."""
        for host in self.there.hosts.values():
            host.frozen = host.draining = False
        for api in self.there.apis.values():
            if api.deaf:
                api.deaf = False
                self.there.line.listen(api.name, self.there.now)
        self.there.wait(12.0)
        for _ in range(3 * self.count + 1):
            for name in self.there.hosts:
                self.there.stop(name)
            orphans = [job for job in self.in_hand() if not self.drawn_for_somebody(job)]
            for host in self.there.hosts.values():
                host.in_hand.difference_update(orphans)
                host.alone.difference_update(orphans)
            self.there.report(*self.there.hosts)
            if not self.in_hand():
                break
            self.there.end(self.in_hand()[0])
        assert self.jobs() == []
        self.there.wait(2.0)
        standing = self.there.line.standing(self.there.now)
        assert (standing.waiting, standing.drawing) == (0, 0)
        assert [host.taken for host in standing.hosts] == [0, 0, 0, 0]

    def drawn_for_somebody(self, job: str) -> bool:
        return any(self.there.readers(job, host.name) for host in self.there.hosts.values() if job in host.in_hand)


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, phases=[Phase.generate])
