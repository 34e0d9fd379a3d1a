"""Long calls are many turns: others go between them, a cancel comes through, and the bytes stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from safelight.contract.requests.order import Order
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.pausing import never, pausing
from safelight.engine.tuning.offloading import offload
from safelight.protocol.messages import Cancelled, Finished, ModelSpec
from safelight.scheduling.policy import Parked
from tests.engine.drawing import Drawing, Recorded, alone, job, pixels


@pytest.fixture(scope="module")
def postcard() -> LoadedModel:
    return load(ModelSpec(source=BUNDLED), "cpu")


@pytest.fixture
def tiled(flux: LoadedModel) -> LoadedModel:
    """A model whose decoder works on tiles of 32 pixels, 24 apart."""
    pipeline = deepcopy(flux.pipeline)
    pipeline.vae.enable_tiling()
    pipeline.vae.tile_sample_min_size, pipeline.vae.tile_latent_min_size = 32, 4
    return replace(flux, source="tiled", pipeline=pipeline)


def large(model: LoadedModel, width: int = 4096, height: int = 4096) -> Order:
    return job(model, "large", prompt="a lighthouse, oil painting", width=width, height=height, steps=2)


class Watched(Recorded):
    """Round robin that tells of a run's turns in decoding, in the engine's thread, before each."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run
        self.decoding = 0
        self.at: dict[int, Callable[[], None]] = {}

    def choose(self, parked: Sequence[Parked]) -> Parked:
        chosen = super().choose(parked)
        if chosen.run == self._run and chosen.stage == "decode":
            self.decoding += 1
            self.at.get(self.decoding, lambda: None)()
        return chosen


def test_a_small_picture_beside_a_large_one_that_decodes_waits_for_a_piece_at_a_time(postcard: LoadedModel) -> None:
    schedule, small = Watched("large"), job(postcard, "small", width=256, height=256, steps=2)
    with Drawing(postcard, schedule=schedule) as drawing:
        schedule.at[3] = lambda: drawing.put(small)
        drawing.put(large(postcard))
        end = drawing.end_of(small)
        turns = list(schedule.turns)  # taken when the small one had its picture: the large one still decodes
        drawing.cancel(large(postcard))
        drawing.end_of(large(postcard))
    came = next(i for i, turn in enumerate(turns) if turn.run == "small")
    done = max(i for i, turn in enumerate(turns) if turn.run == "small")
    own = sum(turn.run == "small" for turn in turns)
    assert own >= 4
    assert sum(turn.run == "large" for turn in turns[came:done]) <= own
    assert np.array_equal(pixels(end), alone(postcard, small))


def test_a_large_picture_that_stopped_for_others_is_the_pipelines_own(postcard: LoadedModel) -> None:
    wanted = large(postcard, width=1536, height=1152)
    others = [job(postcard, f"other-{i}", seed=i, width=640, height=640, steps=2) for i in range(2)]
    schedule = Recorded()
    with Drawing(postcard, schedule=schedule) as drawing:
        ends = drawing.draw(wanted, *others)
    decoding = [turn.run for turn in schedule.turns if turn.stage == "decode"]
    assert decoding != sorted(decoding, key=decoding.index)  # they went between each other's pieces
    for each, end in zip((wanted, *others), ends, strict=True):
        assert np.array_equal(pixels(end), alone(postcard, each))


def test_a_cancel_comes_through_within_a_decoding(postcard: LoadedModel) -> None:
    schedule, after = Watched("large"), job(postcard, "after", width=64, height=64, steps=1)
    with Drawing(postcard, schedule=schedule) as drawing:

        def cancel() -> None:
            drawing.cancel(large(postcard))
            drawing.put(after)

        schedule.at[2] = cancel
        drawing.put(large(postcard))
        assert isinstance(drawing.end_of(large(postcard)), Cancelled)
        assert isinstance(drawing.end_of(after), Finished)
    assert schedule.decoding == 2


def test_tiles_are_turns_and_the_picture_is_the_pipelines_own(tiled: LoadedModel) -> None:
    first, second, schedule = job(tiled, "first"), job(tiled, "second", seed=8, width=48), Recorded()
    with Drawing(tiled, schedule=schedule) as drawing:
        ends = drawing.draw(first, second)
    decoding = [turn.run for turn in schedule.turns if turn.stage == "decode"]
    assert decoding.count("first") > 4
    assert decoding != sorted(decoding)
    for each, end in zip((first, second), ends, strict=True):
        assert np.array_equal(pixels(end), alone(tiled, each))


def test_what_a_decoding_takes_is_summed_over_its_turns(tiled: LoadedModel) -> None:
    schedule = Recorded()
    with Drawing(tiled, schedule=schedule) as drawing:
        (end,) = drawing.draw(job(tiled))
    assert isinstance(end, Finished)
    remaining = [turn.remaining for turn in schedule.turns if turn.stage == "decode"]
    assert end.timings.of("decode") > 0
    assert all(turn > 0 for turn in remaining[1:])  # before the first nothing is known of this model
    served = [turn.total - turn.remaining for turn in schedule.turns if turn.stage == "decode"]
    assert served == sorted(served)
    assert served[-1] > served[0]


class Tiled(torch.nn.Module):
    """A decoder of tiles."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = torch.nn.Identity()

    def decode(self, tiles: Iterator[torch.Tensor]) -> list[torch.Tensor]:
        return [self.decoder(tile) for tile in tiles]


class Stateful(Tiled):
    """One that keeps something on itself between calls of its submodule, as causal ones do."""

    def clear_cache(self) -> None:
        """diffusers' name for forgetting it."""


@pytest.mark.parametrize(("kind", "pauses"), [(Stateful, 0), (Tiled, 3)])
def test_what_keeps_a_decodings_state_on_itself_is_not_stopped(kind: type[Tiled], pauses: int) -> None:
    component, paused = kind(), list[int]()
    with pausing(component, "decode", lambda: paused.append(1)) as more:
        component.decode(iter(torch.zeros(4, 1)), **more)
    assert len(paused) == pauses
    component.decode(iter(torch.zeros(4, 1)))
    assert len(paused) == pauses  # the hook is gone


def test_without_a_pause_nothing_is_hooked() -> None:
    component = Tiled()
    with pausing(component, "decode", never) as more:
        assert more == {}
        assert not component.decoder._forward_pre_hooks


def test_offloaded_parts_come_back_after_a_pause(tiled: LoadedModel) -> None:
    pipeline = deepcopy(tiled.pipeline)
    offload(pipeline, "cpu")
    model, schedule = replace(tiled, source="offloaded", pipeline=pipeline), Recorded()
    first, second = job(model, "first"), job(model, "second", seed=8, steps=6)
    with Drawing(model, schedule=schedule) as drawing:
        ends = drawing.draw(first, second)
    stages = {(turn.run, turn.stage) for turn in schedule.turns}
    assert ("first", "decode") in stages
    for each, end in zip((first, second), ends, strict=True):
        assert np.array_equal(pixels(end), alone(tiled, each))
