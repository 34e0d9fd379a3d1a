"""The places of a pool, and what the workers that fill them say together."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

from time import monotonic
from typing import Literal

from msgspec import structs

from safelight.adapters.workers.loads import Loads
from safelight.adapters.workers.member import Member
from safelight.protocol.messages import Configure, EncoderFailed, EncoderReady, ModelFailed, ModelReady, ShareCores
from safelight.service.ports.engine import NEAREST_FIRST, ModelState, WorkerState

# A worker schedules only what it has, so it is given more than it draws at once; what it lacks can go to another. Of
# every key that wants something it has one at least, beyond this if need be: so its schedule can be fair to all.
IN_HAND = 4


class Team:
    """As many members as there are to be workers. `loads` says what they are told to load, `start_failure` why none can
    be started, for callers."""

    def __init__(self, configure: Configure, count: int) -> None:
        self._configure = configure
        self.loads = Loads(configure.models)
        self.members: list[Member] = []
        self.start_failure: str | None = None
        self.enlarge(count)

    @property
    def sources(self) -> tuple[str, ...]:
        """The models of the pool, those that are not loaded any more among them."""
        return tuple(spec.source for spec in self._configure.models)

    @property
    def encoders(self) -> tuple[str, ...]:
        """The sentence encoders of the pool."""
        return tuple(spec.source for spec in self._configure.encoders)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the live workers."""
        return tuple(member.worker.pid for member in self.members if member.worker is not None)

    def enlarge(self, count: int) -> list[Member]:
        """Have places for so many workers; the new ones, which nobody fills yet."""
        most = IN_HAND * self._configure.max_runs
        more = [Member(number, most) for number in range(len(self.members), count)]
        self.members += more
        return more

    def shrink(self) -> list[Member]:
        """Have a place for the first worker alone; those that are gone."""
        gone, self.members = self.members[1:], self.members[:1]
        return gone

    def configure(self, member: Member) -> Configure:
        """What the worker in that place is told."""
        return structs.replace(
            self._configure, number=member.number, workers=len(self.members), models=self.loads.offered
        )

    @property
    def able(self) -> list[Member]:
        """Members that may draw: not beside the loading of a model in which one may have ended."""
        return [member for member in self.members if not self.loads.is_doubtful(member.models)]

    def with_order(self, job_id: str) -> Member | None:
        """Who has that order in hand."""
        return next((m for m in self.members if job_id in m.pending and m.worker is not None), None)

    def share_cores(self) -> None:
        """Tell each worker, if it does not know, among how many the cores are shared: it may have come just now.

        Before the picture that changes it: a worker begins none with more threads than are its own.
        """
        busy = max(1, sum(bool(member.pending) for member in self.members))
        for member in self.members:
            if member.worker is not None and member.sharers != busy:
                member.worker.send(ShareCores(busy=busy))
                member.sharers = busy

    def model_states(self) -> tuple[ModelState, ...]:
        """How each model stands, and each sentence encoder."""
        return tuple(self.model_state(source) for source in (*self.sources, *self.encoders))

    def model_state(self, source: str) -> ModelState:
        """How a model or sentence encoder stands: ready with one worker is ready."""
        if source in self.encoders:
            return self._encoder_state(source)
        said = [m.models[source] for m in self.members if m.worker is not None and source in m.models]
        traits = next((m.traits[source] for m in self.members if source in m.traits), None)
        ready = next((event for event in said if isinstance(event, ModelReady)), None)
        if ready is not None:
            return ModelState(
                source=source,
                status="ready",
                fingerprint=ready.fingerprint,
                device=ready.device,
                steps=ready.steps,
                load_seconds=ready.seconds,
                traits=traits,
                costs=ready.costs,
                bytes=ready.bytes,
                where=min((m.where(source) for m in self.members), key=NEAREST_FIRST.index),
            )
        failed = next((event for event in said if isinstance(event, ModelFailed)), None)
        given_up = self.loads.given_up.get(source)
        reason = failed.reason if failed is not None else given_up or self.start_failure
        if source not in self.sources:
            reason = "No worker was told to load that model."
        status: Literal["loading", "failed"] = "loading" if reason is None else "failed"
        expected = min((m.ready_at[source] for m in self.members if source in m.ready_at), default=None)
        # What is overdue will take about as much longer as it is late by now: nobody knows better.
        ready_in = abs(expected - monotonic()) if expected is not None else None
        return ModelState(source=source, status=status, reason=reason, traits=traits, ready_in_seconds=ready_in)

    def _encoder_state(self, source: str) -> ModelState:
        said = [m.encoders[source] for m in self.members if m.worker is not None and source in m.encoders]
        ready = [event for event in said if isinstance(event, EncoderReady)]
        if ready:
            most = max(ready, key=lambda event: event.bytes)
            return ModelState(
                source=source,
                status="ready",
                device=most.device,
                bytes=most.bytes or None,
                where="device" if most.bytes else "none",
                dimensions=most.dimensions,
            )
        failed = next((event.reason for event in said if isinstance(event, EncoderFailed)), self.start_failure)
        return ModelState(source=source, status="loading" if failed is None else "failed", reason=failed)

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each live worker stands."""
        return tuple(state for member in self.members if (state := member.state()) is not None)
