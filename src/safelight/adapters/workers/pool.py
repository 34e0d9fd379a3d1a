"""The pool of local workers: fills the `Engine` port with processes of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from time import monotonic

import structlog

from safelight.adapters.changes import Changes
from safelight.adapters.workers.dispatch import Dispatch, Orphaned
from safelight.adapters.workers.member import Member
from safelight.adapters.workers.processes.launching import WORKER_COMMAND, Launcher
from safelight.adapters.workers.processes.template_process import TemplateProcess
from safelight.adapters.workers.sizing.growth import Growth
from safelight.adapters.workers.sizing.pool_size import PoolSize
from safelight.adapters.workers.supervision import FIRST_PAUSE_SECONDS, PING_EVERY_SECONDS, Supervision
from safelight.adapters.workers.team import Team
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.messages import (
    Cancelled,
    Configure,
    Embedded,
    EncoderFailed,
    EncoderReady,
    Event,
    Failed,
    Finished,
    Hello,
    JobEvent,
    ModelDescribed,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelResting,
    Pong,
    Preview,
    Started,
    Stepped,
)
from safelight.service.ports.engine import EngineState, WorkerState
from safelight.service.ports.telemetry import FingerprintChanged, ModelLoaded, Telemetry

# After this many deaths in a row before anything was drawn, callers are told instead of kept waiting.
_HOPELESS_AFTER = 3

log = structlog.get_logger(__name__)


class LocalWorkers:
    """`count` worker processes on this machine; None: one, and then as many as that one says serve best.

    With `orphaned` orders whose worker died are given back to whoever submitted them, who has other machines. `begun`
    is a template of workers that was started before.

    Who draws stands in `Team`, what is drawn next in `Dispatch`, who is started and ended in `Supervision`; here is
    what the workers say passed on to them.
    """

    def __init__(
        self,
        configure: Configure,
        *,
        count: int | None = 1,
        telemetry: Telemetry,
        command: Sequence[str] = WORKER_COMMAND,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        ping_every_seconds: float = PING_EVERY_SECONDS,
        orphaned: Orphaned | None = None,
        begun: TemplateProcess | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._changes = Changes()
        self._team = Team(configure, count or 1)
        self._dispatch = Dispatch(self._team, orphaned)
        self._supervision = Supervision(
            Launcher(configure, command, begun),
            self._team.configure,
            telemetry,
            on_event=self._told,
            on_exit=self._ended,
            first_pause_seconds=first_pause_seconds,
            ping_every_seconds=ping_every_seconds,
        )
        self._size = self._grown(Growth(configure)) if count is None else None

    def _grown(self, growth: Growth) -> PoolSize:
        team, dispatch, supervision = self._team, self._dispatch, self._supervision
        return PoolSize(growth, team, dispatch, supervision, changed=self.changed, announce=self._announce)

    async def start(self) -> None:
        """Start every worker; returns before they are ready."""
        self._supervision.start(self._team.members)

    async def stop(self) -> None:
        """End every worker; what is still waiting or being drawn, or comes later, ends as cancelled."""
        self._dispatch.close()
        if self._size is not None:
            await self._size.stop()
        await self._supervision.stop()
        self._dispatch.end_all()

    def submit(self, order: Order) -> AsyncIterator[JobEvent]:
        """Queue an order; when it is its key's turn, it goes to the least busy worker that has its model."""
        return self._dispatch.submit(order)

    def embed(self, order: EmbedOrder) -> AsyncIterator[JobEvent]:
        """Queue texts in the same line."""
        return self._dispatch.submit(order)

    def cancel(self, job_id: str) -> None:
        """End a waiting order now, a running one at its next step."""
        self._dispatch.cancel(job_id)

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of an order told, by whichever worker draws it."""
        self._dispatch.watch(job_id, longest)

    def state(self) -> EngineState:
        """How the workers stand."""
        return EngineState(
            models=self._team.model_states(),
            workers=len(self._team.pids),
            queued=self._dispatch.queued,
            running=self._dispatch.running,
            restarts=self._supervision.restarts,
        )

    def worker_states(self) -> tuple[WorkerState, ...]:
        """How each live worker stands."""
        return self._team.worker_states()

    def changed(self) -> Awaitable[object]:
        """Done when a model's status changes after this call."""
        return self._changes.next()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the live workers."""
        return self._team.pids

    def _told(self, member: Member, event: Event) -> None:
        """A worker says something."""
        match event:
            case ModelReady() | ModelFailed():
                self._model_told(member, event)
            case ModelLoading():
                member.ready_at[event.source] = monotonic() + event.seconds
                member.loading = event.source if event.begun else member.loading
                self._announce()
            case ModelResting():
                member.resting[event.source] = event.where
            case ModelDescribed():
                member.traits[event.source] = event.traits
                self._announce()
            case EncoderReady() | EncoderFailed():
                member.encoders[event.source] = event
                self._announce()
            case Started():
                self._note_change(member, event)
                self._dispatch.told(member, event)
            case Stepped() | Preview():
                self._dispatch.told(member, event)
            case Finished() | Embedded() | Failed() | Cancelled():
                member.fruitless_starts = 0
                self._dispatch.done(member, event)
            case Pong():
                member.device_bytes, member.device_percent = event.device_bytes, event.device_percent
                self._supervision.check(member, event)
            case Hello():
                pass

    def _note_change(self, member: Member, event: Started) -> None:
        """What was begun with another fingerprint, at another process or before this one, is drawn anew by ours."""
        entry = member.pending.get(event.job_id)
        if entry is None or entry.started or not isinstance(entry.order, Order):
            return
        if event.fingerprint and entry.order.began_with not in (None, event.fingerprint):
            self._telemetry.note(FingerprintChanged(source=entry.order.source))

    def _model_told(self, member: Member, event: ModelReady | ModelFailed) -> None:
        member.reported(event)
        self._team.loads.done(event.source)
        if isinstance(event, ModelReady):
            self._team.start_failure = None
            if not event.moved:
                self._telemetry.note(ModelLoaded(source=event.source, seconds=event.seconds))
            seconds = round(event.seconds, 3)
            log.info("model_ready", model=event.source, device=event.device, seconds=seconds, moved=event.moved)
        else:
            log.error("model_failed", model=event.source, reason=event.reason)
        if self._size is not None:
            self._size.look()
        self._announce()

    def _ended(self, member: Member) -> None:
        """A worker died."""
        self._dispatch.take_back(member)
        if member.failed_starts >= _HOPELESS_AFTER:
            self._team.start_failure = (
                f"The drawing process ended {member.failed_starts} times in a row before it could draw. "
                "The server's log and `safelight doctor` say why."
            )
        self._announce()

    def _announce(self) -> None:
        self._changes.announce()
        self._dispatch.reconsider()
