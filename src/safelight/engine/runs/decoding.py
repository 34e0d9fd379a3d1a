"""Decodings beside the steps: a picture is decoded on a second stream of its device while others take their steps.

A decoder's kernels are few and large, and at their end the pipeline waits for the pixels. On the stream of the steps,
everybody would wait with it. What is computed is the same, so the bytes are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from safelight.contract.models.stages import DECODE
from safelight.engine.machine.pace import Mark
from safelight.engine.machine.streams import Beside
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Queued, Raised, queue
from safelight.engine.runs.run import Run


@dataclass(frozen=True)
class Decoding:
    """One that is under way. It holds the call: what a decoder reads stays until it has ended."""

    run: Run
    call: Call
    result: Queued
    begun: Mark
    ended: Mark


class Decodings:
    """Those under way on one device, in their order. Only the engine's thread calls."""

    def __init__(self, beside: Callable[[str], Beside | None]) -> None:
        self._make = beside
        self._besides: dict[str, Beside | None] = {}
        self._under_way: list[Decoding] = []

    @property
    def any(self) -> bool:
        """Whether somebody's picture is decoded beside."""
        return bool(self._under_way)

    def begin(self, run: Run, call: Call) -> bool:
        """Decode for that run beside the steps. False: this call has to be run as any other."""
        stream = self._stream(run.model.device)
        if stream is None or run.model.offloaded or not _computes_on_device(call):
            return False
        with stream.entered(after_steps=True):
            begun = stream.mark()
            result = queue(call)
            ended = stream.mark()
        if _is_full(result):
            return False  # beside the steps of others there is no room; it is tried in its turn
        run.is_decoded_beside = True
        self._under_way.append(Decoding(run, call, result, begun, ended))
        return True

    def ready(self) -> Iterator[Decoding]:
        """Those that are done, or whose run was cancelled. They are under way no longer."""
        for decoding in list(self._under_way):
            if decoding.run.cancelled or decoding.ended.reached():
                self._under_way.remove(decoding)
                decoding.run.is_decoded_beside = False
                yield decoding

    @contextmanager
    def following(self, decoding: Decoding) -> Iterator[None]:
        """What is queued meanwhile follows that decoding, and waits for no step; steps queued later wait for it."""
        stream = self._stream(decoding.run.model.device)
        assert stream is not None  # it was begun there
        with stream.entered(after_steps=False):
            yield
        if decoding.run.call is not None:  # its pipeline goes on computing with what it was given
            stream.join()

    def _stream(self, device: str) -> Beside | None:
        if device not in self._besides:
            self._besides[device] = self._make(device)
        return self._besides[device]


def _computes_on_device(call: Call) -> bool:
    """Postcard's decoder draws on the host, in pieces; others compute where their weights are."""
    takes_pause = "pause" in inspect.signature(getattr(type(call.component), call.method)).parameters
    return call.stage == DECODE and not call.within and not takes_pause


def _is_full(queued: Queued) -> bool:
    return isinstance(queued.result, Raised) and isinstance(queued.result.error, torch.OutOfMemoryError)
