"""What the last release says. `python -m tests.protocol.keep` writes this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="Ask", omit_defaults=True):
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


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag="Leave", omit_defaults=True):
    job: str


class Drawing(msgspec.Struct, frozen=True, kw_only=True, tag="Drawing", omit_defaults=True):
    ask: Ask
    host: str
    leader: str = ""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="Ended", omit_defaults=True):
    job: str
    seconds: float = 0.0


class Amount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    owner: str
    weight: float = 1.0
    seconds: float = 0.0


class UnderWay(msgspec.Struct, frozen=True, kw_only=True, tag="UnderWay", omit_defaults=True):
    amounts: tuple[Amount, ...] = ()


class ApiBatch(msgspec.Struct, frozen=True, kw_only=True):
    api: str
    messages: tuple[Ask | Leave | Drawing | Ended | UnderWay, ...] = ()
    whole: bool = False


class HostModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    source: str
    status: Literal["loading", "ready", "failed"] = "loading"
    where: Literal["device", "host", "none"] = "none"
    fingerprint: str = ""
    bring_seconds: float = 0.0
    state: bytes = b""


class HostReport(msgspec.Struct, frozen=True, kw_only=True, tag="HostReport", omit_defaults=True):
    host: str
    kind: str = ""
    room: int = 2
    workers: int = 1
    in_hand: tuple[str, ...] = ()
    models: tuple[HostModel, ...] = ()
    work_seconds: float = 0.0
    draining: bool = False
    worker_states: bytes = b""


class HostGone(msgspec.Struct, frozen=True, kw_only=True, tag="HostGone", omit_defaults=True):
    host: str


class TellAll(msgspec.Struct, frozen=True, kw_only=True, tag="TellAll", omit_defaults=True):
    pass


class Placed(msgspec.Struct, frozen=True, kw_only=True, tag="Placed", omit_defaults=True):
    job: str
    host: str


class Joined(msgspec.Struct, frozen=True, kw_only=True, tag="Joined", omit_defaults=True):
    job: str
    leader: str
    host: str


class Hosts(msgspec.Struct, frozen=True, kw_only=True, tag="Hosts", omit_defaults=True):
    hosts: tuple[HostReport, ...] = ()
    gone: tuple[str, ...] = ()
    whole: bool = False


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    owner: str
    weight: float = 1.0
    seconds: float = 0.0
    here_seconds: float = 0.0


class LetInRequest(msgspec.Struct, frozen=True, kw_only=True):
    api: str = ""
    wanted: tuple[Wanted, ...] = ()
    own: tuple[Amount, ...] = ()
    workers: int = 0
    bound_seconds: float = 0.0


class LetInReply(msgspec.Struct, frozen=True, kw_only=True):
    waits: tuple[float, ...] = ()
    sharers: int = 1


class HostStanding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class EditTraits(msgspec.Struct, frozen=True, kw_only=True):
    minimum: int = 1
    maximum: int = 1
    maximum_with_mask: int | None = None
    mask: bool = False
    strength: bool = False
    scene: bool = False
    controls: bool = False


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str
    steps: int
    guidance_scale: float | None = None
    negative_prompt: bool = False
    width: int = 1024
    height: int = 1024
    side_multiple: int = 8
    few_steps: bool = False
    vector: bool = False
    notes: tuple[str, ...] = ()
    prompt_tokens: int | None = None
    takes: tuple[str, ...] = ()
    edits: EditTraits | None = None
    draws_from_words: bool = True
    loras: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    controls_together: bool = False


class CostPoint(msgspec.Struct, frozen=True, kw_only=True):
    pixels: int
    step: float
    once: dict[str, float] = msgspec.field(default_factory=dict)
    batch: int = 1
    passes: str = ""
    threads: int = 0


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    status: Literal["loading", "ready", "failed"]
    reason: str | None = None
    fingerprint: str | None = None
    device: str | None = None
    steps: int | None = None
    load_seconds: float | None = None
    ready_in_seconds: float | None = None
    traits: Traits | None = None
    costs: tuple[CostPoint, ...] = ()
    bytes: int | None = None
    where: Literal["device", "host", "none"] = "none"
    dimensions: int | None = None
    fingerprints: tuple[str, ...] = ()


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    device: str | None
    host_bytes: int
    device_bytes: int
    device_percent: int | None = None
    where: Mapping[str, Literal["device", "host", "none"]]
    per_minute: Mapping[str, float]
