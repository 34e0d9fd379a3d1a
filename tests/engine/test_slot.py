"""Where a model stands: the steps that there are, and who owns its memory."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from itertools import pairwise

import pytest

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.costs import CostPoint
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.handle import Handle
from safelight.engine.residency.slot import Known, ModelSlot, State
from safelight.protocol.messages import ModelSpec

LIVES = [
    [State.ABSENT, State.LOADING, State.HERE, State.LEAVING, State.RESTING, State.LOADING, State.HERE],
    [State.ABSENT, State.LOADING, State.HERE, State.LEAVING, State.ABSENT, State.LOADING, State.FAILED],
    [State.RESTING, State.LEAVING, State.ABSENT],  # out of the host's memory, for another
    [State.HERE, State.FAILED],
]
STEPS = {step for life in LIVES for step in pairwise(life)}


class Pipeline:
    """Refers to itself, as real ones do: counting references frees none."""

    itself: Pipeline


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_a_model_takes_the_steps_of_its_life_and_no_other(before: State, after: State) -> None:
    slot = ModelSlot(ModelSpec(source="model"), state=before)
    if (before, after) in STEPS:
        slot.go_to(after)
        assert slot.state is after
    else:
        with pytest.raises(RuntimeError, match=f"A model that is {before.value} cannot become {after.value}"):
            slot.go_to(after)
        assert slot.state is before


def test_a_model_draws_only_while_it_is_here(flux: LoadedModel) -> None:
    slot = ModelSlot(ModelSpec(source=flux.source), state=State.LOADING)
    assert slot.model is None
    slot.arrive(Handle(flux))
    assert slot.model is flux
    assert slot.has_come
    assert slot.may_go
    slot.in_use = 1
    assert not slot.may_go
    slot.go_to(State.LEAVING)
    assert slot.model is None
    assert slot.is_moving


def test_whoever_still_names_a_released_model_keeps_none_of_its_memory(flux: LoadedModel) -> None:
    pipeline = Pipeline()
    pipeline.itself = pipeline
    gone = weakref.ref(pipeline)
    handle = Handle(replace(flux, pipeline=pipeline))
    named_by_others = [handle]
    del pipeline
    gc.disable()
    try:
        handle.release()
        assert gone() is None
    finally:
        gc.enable()
    with pytest.raises(RuntimeError, match="released"):
        _ = named_by_others[0].model


def test_a_model_that_fails_keeps_no_memory_and_no_preview(flux: LoadedModel) -> None:
    handle = Handle(flux)
    slot = ModelSlot(ModelSpec(source=flux.source), state=State.HERE, handle=handle)
    slot.fail(ModelLoadError("It cannot draw."))
    assert slot.has_come
    assert (slot.model, slot.handle, slot.known.previewer) == (None, None, None)
    with pytest.raises(RuntimeError, match="released"):
        _ = handle.model


def test_what_was_measured_with_fewer_threads_is_kept_apart() -> None:
    known = Known()
    known.measured([CostPoint(pixels=100, step=1.0), CostPoint(pixels=100, step=2.0, threads=1)])
    assert [point.step for point in known.costs.points] == [1.0]
    assert [point.step for point in known.by_threads] == [2.0]
