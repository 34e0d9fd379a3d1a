"""What an api process makes of hosts' reports."""

from __future__ import annotations

import msgspec

from safelight.adapters.ray.jobs.known_hosts import KnownHosts
from safelight.protocol.cluster.placing import HostModel, HostReport, Hosts
from safelight.service.ports.engine import ModelState, WorkerState


def report(host: str, *states: ModelState, workers: int = 1, draining: bool = False) -> HostReport:
    told = WorkerState(number=0, device="cpu", host_bytes=1, device_bytes=0, where={}, per_minute={})
    models = tuple(HostModel(source=state.source, state=msgspec.msgpack.encode(state)) for state in states)
    return HostReport(
        host=host, models=models, workers=workers, draining=draining, worker_states=msgspec.msgpack.encode([told])
    )


def state(status: str, **fields: object) -> ModelState:
    return msgspec.convert({"source": "m", "status": status} | fields, ModelState)


def test_a_model_is_ready_where_one_host_has_it_and_has_all_fingerprints() -> None:
    hosts = KnownHosts(("m",), ("e",))
    assert hosts.model_states()[0].status == "loading"
    near = state("ready", fingerprint="one", where="device")
    hosts.take(Hosts(hosts=(report("a", state("loading")), report("b", state("ready", fingerprint="two"))), whole=True))
    hosts.take(Hosts(hosts=(report("c", near),)))
    model = hosts.model_states()[0]
    assert (model.status, model.where, model.fingerprints) == ("ready", "device", ("one", "two"))
    assert hosts.fingerprint("b", "m") == "two"
    assert [worker.number for worker in hosts.worker_states()] == [0, 1, 2]


def test_a_model_has_failed_where_all_say_so() -> None:
    hosts = KnownHosts(("m",), ())
    hosts.take(Hosts(hosts=(report("a", state("failed", reason="corrupt")), report("b", state("loading")))))
    assert hosts.hopeless("m") is None
    hosts.take(Hosts(gone=("b",)))
    assert hosts.hopeless("m") == "corrupt"
    assert hosts.hopeless("another") is not None


def test_the_model_that_is_expected_first_is_told() -> None:
    hosts = KnownHosts(("m",), ())
    hosts.take(Hosts(hosts=(report("a", state("loading")), report("b", state("loading", ready_in_seconds=3.0)))))
    assert hosts.model_states()[0].ready_in_seconds == 3.0


def test_workers_of_hosts_that_are_replaced_do_not_count() -> None:
    hosts = KnownHosts(("m",), ())
    hosts.take(Hosts(hosts=(report("a", workers=2), report("b", draining=True))))
    assert hosts.workers == 2
    hosts.take(Hosts(whole=True))
    assert hosts.workers == 0
