"""The hosts of a cluster as an api process knows them: by the line's news, without asking any."""

# Tested in tests/adapters/ray/jobs/test_known_hosts.py.

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from safelight.protocol.cluster.placing import HostReport, Hosts
from safelight.service.ports.engine import NEAREST_FIRST, ModelState, WorkerState

_read_model = msgspec.msgpack.Decoder(ModelState)
_read_workers = msgspec.msgpack.Decoder(tuple[WorkerState, ...])


class KnownHosts:
    """`sources` and `encoders` are models and sentence encoders that hosts are said to have."""

    def __init__(self, sources: Sequence[str], encoders: Sequence[str]) -> None:
        self._sources = (*sources, *encoders)
        self._reports: dict[str, HostReport] = {}
        self._models: dict[str, dict[str, ModelState]] = {}

    @property
    def workers(self) -> int:
        """Of all hosts together that take jobs."""
        return sum(report.workers for report in self._reports.values() if not report.draining)

    def take(self, news: Hosts) -> None:
        """Hosts stand otherwise than before."""
        if news.whole:
            self._reports.clear()
            self._models.clear()
        for host in news.gone:
            self._reports.pop(host, None)
            self._models.pop(host, None)
        for report in news.hosts:
            self._reports[report.host] = report
            self._models[report.host] = {
                model.source: _read_model.decode(model.state) for model in report.models if model.state
            }

    def fingerprint(self, host: str, source: str) -> str | None:
        """That of a model at a host, as far as it is known."""
        state = self._models.get(host, {}).get(source)
        return state.fingerprint if state is not None else None

    def hopeless(self, source: str) -> str | None:
        """Why no host will ever draw with that model; None while one may."""
        if source not in self._sources:
            return "No worker was told to load that model."
        state = self._state_of(source)
        return (state.reason or "") if state.status == "failed" else None

    def model_states(self) -> tuple[ModelState, ...]:
        """How each model stands in the whole cluster."""
        return tuple(map(self._state_of, self._sources))

    def worker_states(self) -> tuple[WorkerState, ...]:
        """Of all hosts, numbered through in the order of the hosts' names."""
        told = (self._reports[host].worker_states for host in sorted(self._reports))
        workers = [state for each in told if each for state in _read_workers.decode(each)]
        return tuple(replace(state, number=number) for number, state in enumerate(workers))

    def _state_of(self, source: str) -> ModelState:
        """Ready at one host is ready; failed is what has failed at all of them."""
        said = [models[source] for models in self._models.values() if source in models]
        ready = [state for state in said if state.status == "ready"]
        if ready:
            best = min(ready, key=lambda state: NEAREST_FIRST.index(state.where))
            return replace(best, fingerprints=_all(state.fingerprint for state in ready))
        loading = [state for state in said if state.status == "loading"]
        if loading or not said:
            soonest = min(loading, key=_expected, default=None)
            return soonest or ModelState(source=source, status="loading")
        return said[0]


def _all(fingerprints: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({each for each in fingerprints if each is not None}))


def _expected(state: ModelState) -> float:
    return float("inf") if state.ready_in_seconds is None else state.ready_in_seconds
