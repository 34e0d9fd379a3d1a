"""What api processes, hosts and the line that stands between them say to each other: who waits, who may go, and where.

Everything crosses as msgpack in batches (`placing_bytes`). Older and newer versions understand each other: a field that
is not known is ignored, one that is absent has its default, and a message of a kind that is not known is passed over.

An api process opens its stream of placements, is told `TellAll`, and answers with a whole batch: all that waits (`Ask`)
and all that is drawn (`Drawing`). From then on it says what changes. A batch every two seconds, be it empty, says that
it lives. A host says all of itself in each `HostReport`: every two seconds, and at once when something has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

PLACING_VERSION = 1
"""The line's name holds it, so that each version has a line of its own while two are in use."""
HEARTBEAT_SECONDS = 2.0
"""Whoever has nothing to say says so that often."""
SILENT_SECONDS = 8.0
"""Whoever was not heard for so long is taken for dead."""


class PlacingMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Whatever is said to the line or by it."""


class Amount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is under way for an owner at one process: seconds of one worker's time, and the owner's weight."""

    owner: str
    weight: float = 1.0
    seconds: float = 0.0


# From an api process


class Ask(PlacingMessage, frozen=True):
    """A job wants a host, from now on or for so many seconds already.

    `source` is the model that draws it, in about `seconds`, on behalf of `group` with that `weight`. `background`:
    everything else goes before it. `alone`: it may harm a host, so nothing else is drawn beside it. Jobs with the same
    `identity` are drawn once; None: this one by itself. It waits for a host whose model has that `fingerprint`, for
    `patience_seconds`, or as long as the line thinks right; None: any will do. It is not given to a host in `avoid`
    while there is another.

    Said again, it has lost the place that it had, or could not follow whom it joined there, and waits anew. Said again
    in a whole batch it has heard of none: it is told its place once more, if it has one.
    """

    job: str
    group: str = ""
    weight: float = 1.0
    source: str = ""
    seconds: float = 0.0
    background: bool = False
    alone: bool = False
    waited_seconds: float = 0.0
    identity: bytes | None = None
    fingerprint: str | None = None
    patience_seconds: float | None = None
    avoid: tuple[str, ...] = ()


class Leave(PlacingMessage, frozen=True):
    """Nobody waits for that job here any more, wherever it is. Others who follow it go on doing so."""

    job: str


class Drawing(PlacingMessage, frozen=True):
    """In a whole batch: a job that has its place already. `leader` is the one whose events it follows; empty: none."""

    ask: Ask
    host: str
    leader: str = ""


class Ended(PlacingMessage, frozen=True):
    """A job that had a place has ended; a device worked for it so many seconds. Of one that followed another: 0."""

    job: str
    seconds: float = 0.0


class UnderWay(PlacingMessage, frozen=True):
    """All that the process has under way, by owner, as it counts for the bound."""

    amounts: tuple[Amount, ...] = ()


FromApi = Ask | Leave | Drawing | Ended | UnderWay


class ApiBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What gathered at an api process. `whole`: it is all that there is, and what it does not name is over."""

    api: str
    messages: tuple[FromApi, ...] = ()
    whole: bool = False


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work that asks to be let in: so many seconds for an owner. `here_seconds` is how long it would be until the
    process itself had room for it; it is let in only where that is 0."""

    owner: str
    weight: float = 1.0
    seconds: float = 0.0
    here_seconds: float = 0.0


class LetInRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Works that ask to be let in, in turn. `own` is what their process (`api`) has under way, `workers` those that it
    has to itself; the work under way and waiting may be `bound_seconds` for each worker."""

    api: str = ""
    wanted: tuple[Wanted, ...] = ()
    own: tuple[Amount, ...] = ()
    workers: int = 0
    bound_seconds: float = 0.0


class LetInReply(msgspec.Struct, frozen=True, kw_only=True):
    """For each work 0 if it was let in, and counts from now on; else the seconds until it is expected to fit. Among
    `sharers` the workers of each are shared: while nobody can be asked, each goes by its part of them."""

    waits: tuple[float, ...] = ()
    sharers: int = 1


# From a host


class HostModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a model or sentence encoder stands at a host. `bring_seconds` is how long it takes until it is on the device
    when a job wants it. `state` is the host's own account of it (`service.ports.engine.ModelState`, as msgpack), which
    the line does not read."""

    source: str
    status: Literal["loading", "ready", "failed"] = "loading"
    where: Literal["device", "host", "none"] = "none"
    fingerprint: str = ""
    bring_seconds: float = 0.0
    state: bytes = b""


class HostReport(PlacingMessage, frozen=True):
    """How a host stands, all of it. `kind` is the table of settings that it was made by. It takes at most `room` jobs
    at a time for its `workers`, and `beyond` as many for keys of which no host draws anything: it gives these their
    turn at once. It has `in_hand`, which need `work_seconds` more. `draining`: it takes nothing new.
    `worker_states` is its own account of its workers (`service.ports.engine.WorkerState`, a list of them as msgpack),
    which the line does not read.
    """

    host: str
    kind: str = ""
    room: int = 2
    beyond: int = 0
    workers: int = 1
    in_hand: tuple[str, ...] = ()
    models: tuple[HostModel, ...] = ()
    work_seconds: float = 0.0
    draining: bool = False
    worker_states: bytes = b""


class HostGone(PlacingMessage, frozen=True):
    """That host has ended; what it had in hand it does not draw any more."""

    host: str


FromHost = HostReport | HostGone


# From the line to an api process


class TellAll(PlacingMessage, frozen=True):
    """The line knows nothing of the process: it began, or had not heard of it for long. Say everything, in a whole
    batch. The first message of a stream."""


class Placed(PlacingMessage, frozen=True):
    """That job may be drawn now, by that host."""

    job: str
    host: str


class Joined(PlacingMessage, frozen=True):
    """The same as that job is drawn already, by that host: follow `leader` there. Should it not be there any more, ask
    again."""

    job: str
    leader: str
    host: str


class Hosts(PlacingMessage, frozen=True):
    """How hosts stand that have changed. `whole`: these are all; else those in `gone` are there no longer, so what they
    had in hand must be asked for again."""

    hosts: tuple[HostReport, ...] = ()
    gone: tuple[str, ...] = ()
    whole: bool = False


FromLine = TellAll | Placed | Joined | Hosts


# To whoever asks how things stand


class HostStanding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a host stands, as the line counts it: of `room` jobs it has `taken`. `on_device` are the models there."""

    host: str
    kind: str = ""
    room: int = 0
    taken: int = 0
    workers: int = 1
    draining: bool = False
    silent_seconds: float = 0.0
    on_device: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()


class LineStanding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the line stands. `placed` and `joined` count since it began, which was `age_seconds` ago; `waiting` jobs have
    no host yet, the oldest of them for `oldest_seconds`, `drawing` have one. Of `waiting_seconds` each kind of host has
    its part in `waiting_by_kind`; None: that line is of an earlier version. Its code is of that `version`."""

    age_seconds: float = 0.0
    waiting: int = 0
    oldest_seconds: float = 0.0
    waiting_seconds: float = 0.0
    drawing: int = 0
    placed: int = 0
    joined: int = 0
    workers: int = 0
    apis: tuple[str, ...] = ()
    hosts: tuple[HostStanding, ...] = ()
    version: str = ""
    waiting_by_kind: Mapping[str, float] | None = None

    def seconds_for(self, kind: str) -> float:
        """How much of what waits counts for that kind of host."""
        return self.waiting_seconds if self.waiting_by_kind is None else self.waiting_by_kind.get(kind, 0.0)
