"""An engine without a model: draws coloured stripes at once, for tests of what stands above the engine (yours too).

It keeps every promise of the `Engine` port: the same job gives the same bytes, events come in order, jobs end once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from PIL import Image

from safelight.adapters.partials import png_info
from safelight.adapters.workers.tickets import Ticket
from safelight.contract.messages import (
    Cancelled,
    Failed,
    Finished,
    Job,
    JobEvent,
    Preview,
    Started,
    Stepped,
    Tier,
    Timings,
)
from safelight.contract.prompt_cut import PromptCut
from safelight.contract.provenance import description, packet
from safelight.contract.traits import Traits
from safelight.service.ports import EngineState, ModelState

_STRIPES = 8
_LOOK_SECONDS = 0.02
_LEAST_STEP_SECONDS = 0.00025
TRAITS = Traits(pipeline="Stripes", steps=4, guidance_scale=2.0, negative_prompt=True, side_multiple=16, vector=True)


class FakeEngine:
    """Fills the `Engine` port in process.

    `loaded` and `gate` are for tests that need to stand between: models are ready once `loaded` is set, and a job takes
    its next step only while `gate` is set. `broken` makes the models fail to load, for that reason. Each step pretends
    to take `step_seconds`. `hold` is a gate for tests in other processes: a file with the number of the last step that
    is taken while it is there. `traits` are what the models are said to do; None: that is known once they are loaded.
    `ready_in_seconds` is when models that load are said to be expected.
    `cuts` is what it says of prompts that it read only in part. With `flags` its safety checker refuses every picture.
    With `merges` it says of what was not promised to be exact that it was drawn in one batch with others. `workers` is
    how many it says that it has.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        step_seconds: float = 0.0,
        broken: str | None = None,
        hold: Path | None = None,
        traits: Traits | None = TRAITS,
    ) -> None:
        self._traits = traits
        self.workers = 1
        self.merges = False
        self.flags = False
        self.cuts: tuple[PromptCut, ...] = ()
        self.ready_in_seconds: float | None = None
        self.loaded = asyncio.Event()
        self.loaded.set()
        self.gate = asyncio.Event()
        self.gate.set()
        self._sources = tuple(sources)
        self._step_seconds = step_seconds
        self._broken = broken
        self._hold = hold
        self._tickets: dict[str, Ticket] = {}
        self._left: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.drawn: list[str] = []
        self.cancelled: list[str] = []

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Cancel what is being drawn."""
        for job_id in self._tickets:
            self.cancel(job_id)
        self.loaded.set()
        await asyncio.gather(*self._tasks)

    def submit(self, job: Job) -> AsyncIterator[JobEvent]:
        """Draw a job, every one at the same time."""
        ticket = Ticket(job)
        self._tickets[job.id] = ticket
        self._left[job.id] = asyncio.Event()
        task = asyncio.create_task(self._draw(ticket), name=f"fake-{job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ticket.events()

    def cancel(self, job_id: str) -> None:
        """End that job before its next step."""
        if job_id in self._left:
            self._left[job_id].set()

    def watch(self, job_id: str, longest: int) -> None:
        """Tell previews of that job after its steps."""
        if job_id in self._tickets:
            self._tickets[job_id].longest_preview = longest

    def state(self) -> EngineState:
        """Ready once `loaded` is set."""
        status: Literal["failed", "ready", "loading"] = "ready" if self.loaded.is_set() else "loading"
        if self._broken is not None:
            status = "failed"
        return EngineState(
            models=tuple(
                ModelState(
                    source=source,
                    status=status,
                    reason=self._broken,
                    fingerprint="fake",
                    device="none",
                    where="device" if status == "ready" else "none",
                    ready_in_seconds=self.ready_in_seconds if status == "loading" else None,
                    traits=self._traits or (TRAITS if status == "ready" else None),
                )
                for source in self._sources
            ),
            workers=self.workers,
            queued=0,
            running=len(self._tickets),
            restarts=0,
        )

    async def changed(self) -> None:
        """Returns when the models are loaded."""
        await self.loaded.wait()

    async def _draw(self, ticket: Ticket) -> None:
        job = ticket.job
        await self.loaded.wait()
        if self._broken is not None:
            ticket.tell(Failed(job_id=job.id, reason=self._broken, retry_helps=False))
        else:
            ticket.tell(Started(job_id=job.id))
            await self._step_through(ticket)
        del self._tickets[job.id], self._left[job.id]

    async def _step_through(self, ticket: Ticket) -> None:
        job = ticket.job
        steps = job.steps or (self._traits or TRAITS).steps
        for step in range(1, steps + 1):
            await _first(self.gate, self._left[job.id])
            while step > self._last_step() and not self._left[job.id].is_set():
                await _first(self._left[job.id], seconds=_LOOK_SECONDS)
            if self._step_seconds:
                await _first(self._left[job.id], seconds=self._step_seconds)
            if self._left[job.id].is_set():
                self.cancelled.append(job.id)
                ticket.tell(Cancelled(job_id=job.id))
                return
            ticket.tell(Stepped(job_id=job.id, step=step, steps=steps))
            if ticket.longest_preview and not self.flags:
                image = draw_preview(job, step, ticket.longest_preview)
                ticket.tell(Preview(job_id=job.id, step=step, steps=steps, image=image))
        if self.flags:
            reason = "The model's safety checker refused the picture that it drew."
            ticket.tell(Failed(job_id=job.id, reason=reason, retry_helps=False, code="content_policy_violation"))
            return
        image = await asyncio.to_thread(draw_stripes, job)
        self.drawn.append(job.id)
        tier: Tier = "throughput" if self.merges and not job.exact else "exact"
        seconds = (self._step_seconds or _LEAST_STEP_SECONDS,) * steps
        timings = Timings(denoise=sum(seconds), steps=seconds)
        finished = Finished(job_id=job.id, image=image, fingerprint="fake", timings=timings, tier=tier, cuts=self.cuts)
        ticket.tell(finished)

    def _last_step(self) -> int:
        """How far jobs may go just now."""
        try:
            return int(self._hold.read_text()) if self._hold is not None else sys.maxsize
        except FileNotFoundError:
            return sys.maxsize
        except ValueError:  # it is just being written
            return 0


async def _first(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Returns when any of the events is set, or after so many seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _stripes(job: Job, count: int = _STRIPES) -> Image.Image:
    """The first stripes of a job's picture, one pixel each: they depend on everything that a picture depends on."""
    digest = hashlib.sha256(msgspec.json.encode(job.picture())).digest()
    return Image.frombytes("RGB", (count, 1), digest[: count * 3])


def draw_preview(job: Job, step: int, longest: int) -> bytes:
    """The stripes that are there after a step, as a small JPEG of the picture's shape."""
    scale = min(1.0, longest / max(job.width, job.height))
    size = max(1, round(job.width * scale)), max(1, round(job.height * scale))
    file = io.BytesIO()
    _stripes(job, min(_STRIPES, 2 * step)).resize(size, Image.Resampling.NEAREST).save(file, "JPEG", quality=85)
    return file.getvalue()


def draw_stripes(job: Job) -> bytes:
    """A file of the job's size and format."""
    marked = job.metadata != "none"
    if job.output_format == "svg":
        return _svg(job, description() if marked else "")
    picture = _stripes(job).resize((job.width, job.height), Image.Resampling.NEAREST)
    file, xmp = io.BytesIO(), packet(description()) if marked else b""
    if job.output_format == "png":
        picture.save(file, "PNG", compress_level=1, pnginfo=png_info(xmp))
    else:
        quality = 90 if job.compression is None else job.compression
        picture.save(file, job.output_format, quality=quality, xmp=xmp)
    return file.getvalue()


def _svg(job: Job, about: str) -> bytes:
    stripes, width = _stripes(job), job.width / _STRIPES
    rectangles = "".join(
        f'<rect x="{x * width:g}" width="{width:g}" height="{job.height}" fill="rgb{stripes.getpixel((x, 0))}"/>'
        for x in range(_STRIPES)
    )
    size = f'width="{job.width}" height="{job.height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><metadata>{about}</metadata>{rectangles}</svg>'.encode()
