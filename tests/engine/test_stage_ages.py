"""Another thread sees how long each thing has lasted, which is what tells a stuck engine from a busy one."""

from __future__ import annotations

import threading
from typing import get_args

import pytest

from safelight.contract.models.costs import CostPoint
from safelight.engine.machine.stage_ages import StageAges
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import Event, Finished, ModelReady, Preview, Stepped, Watch
from safelight.protocol.times import BusyStage
from tests.engine.drawing import Drawing, job


def stages(ages: StageAges) -> list[str]:
    return [age.stage for age in ages.look()]


def test_another_thread_sees_what_is_under_way_grow_older_and_end() -> None:
    ages, begun, go_on = StageAges(), threading.Event(), threading.Event()

    def engine() -> None:
        with ages.within("turn", 2.5):
            begun.set()
            go_on.wait()

    thread = threading.Thread(target=engine)
    assert ages.look() == ()
    thread.start()
    begun.wait()
    with ages.within("load"):
        (first, load), (second, _) = ages.look(), ages.look()
    assert (first.stage, first.expected_seconds, load.stage, load.expected_seconds) == ("turn", 2.5, "load", 0.0)
    assert 0 <= first.seconds < second.seconds
    assert stages(ages) == ["turn"]
    go_on.set()
    thread.join()
    assert ages.look() == ()


def test_what_fails_has_ended() -> None:
    ages = StageAges()
    with pytest.raises(ZeroDivisionError), ages.within("turn", 1.0):
        raise ZeroDivisionError
    assert ages.look() == ()


def test_whatever_the_engine_does_is_seen_while_it_does_it(flux: LoadedModel) -> None:
    """Each of these is called, or spoken, in the middle of what it stands for."""
    ages, seen = StageAges(), dict[str, list[str]]()

    def look(what: str) -> None:
        seen.setdefault(what, stages(ages))

    def on_event(event: Event) -> None:
        look(type(event).__name__)

    def warm_up(model: LoadedModel, previewer: Previewer) -> tuple[CostPoint, ...]:
        look("warm_up")
        return ()

    def keep(model: LoadedModel, points: tuple[CostPoint, ...]) -> None:
        look("keep")

    with Drawing(
        flux,
        on_event=on_event,
        before_load=lambda source: look("load"),
        warm_up=warm_up,
        keep=keep,
        ages=ages,
    ) as drawing:
        drawing.wait(ModelReady)
        drawing.draw(job(flux, "first"))  # it teaches the previews
        drawing.put(second := job(flux, "second", steps=40))
        drawing.loop.put(Watch(job_id="second", longest=64))
        drawing.end_of(second)
    assert "load" in seen["load"]
    assert "warm_up" in seen["warm_up"]
    assert "command" in seen[ModelReady.__name__]
    assert "turn" in seen[Stepped.__name__]
    assert "encode_file" in seen[Finished.__name__]
    assert "preview" in seen[Preview.__name__]
    assert "keep" in seen["keep"]
    assert ages.look() == ()
    assert {*get_args(BusyStage)} - {stage for found in seen.values() for stage in found} == {"import", "move"}
