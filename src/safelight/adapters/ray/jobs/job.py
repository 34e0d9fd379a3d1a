"""A job of this api process on its way through the cluster."""

# Tested in tests/adapters/ray/test_engine.py.

from __future__ import annotations

import asyncio
from time import monotonic

from msgspec.structs import replace

from safelight.adapters.workers.pending import MAX_ATTEMPTS, PendingOrder
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.cluster.hosting import Follow, HostOrder, Take
from safelight.protocol.cluster.placing import Ask, Drawing
from safelight.protocol.messages import Draw, Embed


class ClusterJob(PendingOrder):
    """An order, where it is drawn, and what is to be said of it.

    `host` is empty while it waits; `leader` is the job that it follows there, its own where it is drawn for itself.
    `avoid` are hosts at which it was lost, `misread` counts those that did not understand what was asked; `fingerprint`
    is that of the model which draws it or did last, here or at another process, for whose hosts it waits so many
    seconds. `reader` is who reads it at its host.
    """

    def __init__(self, order: Order | EmbedOrder, api: str, patience_seconds: float) -> None:
        super().__init__(order)
        self._patience_seconds = patience_seconds
        self.host = ""
        self.leader = order.id
        self.avoid: tuple[str, ...] = ()
        self.fingerprint = order.began_with if isinstance(order, Order) else None
        self.connected = False
        self.misread = 0
        self.reading: asyncio.Task[None] | None = None
        self.reader = f"{api}/{order.id}"

    @property
    def id(self) -> str:
        return self.order.id

    @property
    def follows(self) -> bool:
        return self.leader != self.id

    def ask(self) -> Ask:
        """How it stands in the line."""
        share, order = self.order.share, self.order
        return Ask(
            job=order.id,
            group=share.group,
            weight=share.weight,
            source=order.source,
            seconds=share.seconds,
            background=share.background,
            alone=self.suspect,
            waited_seconds=monotonic() - self.came,
            identity=order.identity if isinstance(order, Order) else None,
            fingerprint=self.fingerprint,
            patience_seconds=self._patience_seconds,
            avoid=self.avoid,
        )

    def standing(self) -> Ask | Drawing:
        """What a line that knows nothing is told."""
        if not self.host:
            return self.ask()
        return Drawing(ask=self.ask(), host=self.host, leader=self.leader if self.follows else "")

    def wanted(self) -> HostOrder:
        """What its host is told."""
        if self.follows:
            return Follow(reader=self.reader, job_id=self.leader)
        share = replace(self.order.share, alone=self.suspect)
        if isinstance(self.order, EmbedOrder):
            return Take(reader=self.reader, work=Embed(order=replace(self.order, share=share)))
        return Take(reader=self.reader, work=Draw(order=replace(self.order, share=share)))

    def placed(self, host: str, leader: str, fingerprint: str | None) -> bool:
        """It is drawn there now, by a model of that fingerprint. Whether that is not the one which it began with."""
        self.host, self.leader, self.connected = host, leader, False
        began_with, self.fingerprint = self.fingerprint, fingerprint or self.fingerprint
        return None not in (began_with, fingerprint) and began_with != fingerprint

    def let_go(self) -> None:
        """Its host cannot be reached, and may draw on: it is asked for again, there or elsewhere."""
        self.host, self.leader, self.connected = "", self.id, False

    def lost(self, *, blamed: bool, silent: bool = False, foreign: bool = False) -> str | None:
        """It is drawn there no more. `blamed`: it may be the cause. Returns why it is not tried again, or None.

        A host that is `foreign` does not understand what is asked, as one of another release: others may.

        A host that falls `silent` mostly does so with its whole machine, and one picture in many is the cause. Were all
        of them drawn alone, each would wait until some host has nothing else in hand. So that begins the second time.
        """
        if not self.follows:
            self.avoid = (*self.avoid, self.host)
        self.host, self.leader, self.connected = "", self.id, False
        if blamed:
            self.deaths += 1
            self.attempts += self.started
            first_silence = silent and self.deaths == 1
            self.suspect = self.suspect or (self.started and not first_silence) or self.deaths >= MAX_ATTEMPTS
        self.started = False
        self.misread += foreign
        if self.misread >= MAX_ATTEMPTS:
            return f"{self.misread} hosts did not understand this server: one of both sides has to be upgraded."
        if self.attempts < MAX_ATTEMPTS:
            return None
        return f"The drawing process died {self.attempts} times while it drew this picture."
