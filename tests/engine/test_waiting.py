"""Between a pipeline's steps the engine asks the device for no number: that would leave it idle until the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import Preview, Watch
from safelight.scheduling.policy import Parked
from tests.engine.drawing import Drawing, Recorded, alone, job


class Reads(TorchDispatchMode):
    """Counts what makes a host wait for its device: numbers that are read off tensors."""

    _WAITING = ("aten._local_scalar_dense", "aten.nonzero", "aten.is_nonzero", "aten.equal")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = str(func)
        if name.startswith(self._WAITING):
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


class InTheEnginesThread(Recorded):
    """Enters something there at the first turn; it ends with the thread."""

    def __init__(self, entered: AbstractContextManager[Any]) -> None:
        super().__init__()
        self._entered = entered

    def choose(self, parked: Sequence[Parked]) -> Parked:
        if not self.turns:
            self._entered.__enter__()
        return super().choose(parked)


def read_by_the_engine(model: LoadedModel, steps: int, *, watched: bool = False) -> int:
    """Of a picture, once another has taught how previews look."""
    reads = Reads()
    with Drawing(model, schedule=InTheEnginesThread(reads)) as drawing:
        drawing.draw(job(model, "first", steps=2))
        before = reads.seen.total()
        drawing.put(job(model, steps=steps))
        if watched:
            drawing.loop.put(Watch(job_id="job", longest=32))
        drawing.end_of(job(model))
        if watched:
            drawing.wait(Preview)
        return reads.seen.total() - before


def read_by_diffusers(model: LoadedModel, steps: int) -> int:
    with Reads() as reads:
        alone(model, job(model, steps=steps))
    return int(reads.seen.total())


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
def test_a_step_reads_no_more_of_the_device_than_diffusers_own(model: LoadedModel, *, watched: bool) -> None:
    ours = read_by_the_engine(model, 12, watched=watched) - read_by_the_engine(model, 4, watched=watched)
    assert ours <= read_by_diffusers(model, 12) - read_by_diffusers(model, 4)


def test_what_reads_a_number_is_counted(flux: LoadedModel) -> None:
    with Reads() as reads:
        flux.pipeline.transformer.proj_out.weight.detach().sum().item()
    assert reads.seen.total() == 1
