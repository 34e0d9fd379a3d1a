"""The whole engine without a process around it, on real pipelines."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from copy import copy
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from safelight.contract.models.stages import PICTURE, STAGES
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.engine.runs.run import Run
from safelight.protocol.messages import (
    Cancelled,
    Failed,
    Finished,
    ModelDescribed,
    ModelFailed,
    ModelLoading,
    ModelReady,
    ModelSpec,
    Started,
    Stepped,
)
from safelight.scheduling.policy import RoundRobin
from tests.engine.drawing import LIMIT_SECONDS, Drawing, End, Recorded, alone, job, pixels


def runs_under_way() -> list[str]:
    """Jobs whose pipelines are in the middle of a call, whoever still knows of them."""
    runs = [found for found in gc.get_objects() if type(found) is Run]
    return [run.order.id for run in runs if run.in_flight and not run.ended]


def test_a_picture_is_equal_to_the_pipelines_own_to_the_last_bit(model: LoadedModel) -> None:
    negative = "blue" if "negative_prompt" in model.parameters else ""
    wanted = job(model, negative_prompt=negative, guidance_scale=3.0)
    with Drawing(model) as drawing:
        (end,) = drawing.draw(wanted)
    reference = alone(model, wanted)
    assert reference.std() > 1  # a picture, not a plain colour
    assert np.array_equal(pixels(end), reference)


def test_what_a_pipeline_sets_for_its_thread_holds_for_its_own_run_alone(flux: LoadedModel) -> None:
    pipeline = copy(flux.pipeline)
    real = type(pipeline)
    # As some pipelines of diffusers are decorated; all runs share one thread, for which PyTorch keeps that.
    pipeline.__class__ = type(real.__name__, (real,), {"__call__": torch.inference_mode()(real.__call__)})
    inferring = replace(flux, source="inferring", pipeline=pipeline)
    jobs = [job(flux, "usual", steps=3), job(inferring, "inferring", steps=5), job(flux, "longer", steps=7)]
    seen: set[tuple[str, bool, bool]] = set()

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped):
            seen.add((event.job_id, torch.is_inference_mode_enabled(), torch.is_grad_enabled()))

    with Drawing(flux, inferring, on_event=on_event, schedule=RoundRobin()) as drawing:
        ends = drawing.draw(*jobs)
    assert seen == {("usual", False, False), ("inferring", True, False), ("longer", False, False)}
    for each, end in zip(jobs, ends, strict=True):
        assert np.array_equal(pixels(end), alone(flux, each))


def test_a_picture_among_seven_others_has_the_same_bytes_as_alone(model: LoadedModel) -> None:
    wanted = job(model)
    others = [
        job(model, f"other-{i}", prompt="blue " * i + "dog", seed=i + 1, steps=2 + i, width=32 + 16 * (i % 3))
        for i in range(7)
    ]
    with Drawing(model) as drawing:
        (by_itself,) = drawing.draw(wanted)
    with Drawing(model, schedule=RoundRobin()) as drawing:
        drawing.put(*others[:4], wanted, *others[4:])
        among = drawing.end_of(wanted)
        ends = [drawing.end_of(other) for other in others]
    assert isinstance(by_itself, Finished)
    assert isinstance(among, Finished)
    assert among.image == by_itself.image
    for other, end in zip(others, ends, strict=True):
        assert np.array_equal(pixels(end), alone(model, other))


def test_runs_in_flight_take_turns_call_by_call(flux: LoadedModel) -> None:
    schedule, gate = Recorded(), threading.Event()
    jobs = [job(flux, name, seed=i) for i, name in enumerate("abc")]
    with Drawing(flux, schedule=schedule, before_load=lambda source: gate.wait()) as drawing:
        drawing.put(*jobs)
        gate.set()  # all are here before the first turn, however slow this thread is
        for each in jobs:
            drawing.end_of(each)
    runs = [turn.run for turn in schedule.turns]
    # One turn to begin, two text encoders, four steps, one decode: eight each.
    assert runs == ["a", "b", "c"] * 8
    assert [turn.stage for turn in schedule.turns if turn.run == "b"] == ["encode_prompt"] * 3 + ["denoise"] * 4 + [
        "decode"
    ]


def test_a_late_short_job_overtakes_an_early_long_one(flux: LoadedModel) -> None:
    long, short = job(flux, "long", steps=40), job(flux, "short", steps=2)
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.job_id == "long" and event.step == 3:
            drawing.put(short)

    with Drawing(flux, on_event=on_event) as drawing:
        drawing.draw(long)
        drawing.end_of(short)
    ends = [event.job_id for event in drawing.events if isinstance(event, Finished)]
    assert ends == ["short", "long"]


def test_keys_share_the_engine_however_many_jobs_one_of_them_sends(flux: LoadedModel) -> None:
    flood = [job(flux, f"flood-{i}", seed=i, steps=8, group="greedy") for i in range(6)]
    late = job(flux, "late", steps=2, group="modest")
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.job_id == "flood-0" and event.step == 2:
            drawing.put(late)

    with Drawing(flux, on_event=on_event) as drawing:
        drawing.draw(*flood)
        drawing.end_of(late)
    ends = [event.job_id for event in drawing.events if isinstance(event, Finished)]
    assert ends.index("late") <= 1


def test_every_step_is_reported_with_the_total(model: LoadedModel) -> None:
    with Drawing(model) as drawing:
        drawing.draw(job(model, steps=5))
    events = [event for event in drawing.events if not isinstance(event, ModelLoading | ModelDescribed | ModelReady)]
    assert isinstance(events[-1], Finished)
    assert events[0] == Started(job_id="job", fingerprint=events[-1].fingerprint)
    assert events[1:-1] == [Stepped(job_id="job", step=step, steps=5) for step in range(1, 6)]


def test_timings_say_where_the_time_went(model: LoadedModel) -> None:
    with Drawing(model) as drawing:
        end = drawing.draw(job(model, "a", steps=5), job(model, "b"))[0]
    assert isinstance(end, Finished)
    timings = end.timings
    assert timings.of(PICTURE) == 0  # none was drawn from
    others = [timings.of(stage) for stage in STAGES if stage != PICTURE]
    assert min(*others, timings.image_encode, timings.wait) > 0
    assert len(timings.steps) == 5
    assert sum(timings.steps) <= timings.of("denoise") + timings.of("decode")


def test_a_picture_names_who_drew_it_and_when_by_its_clock(model: LoadedModel) -> None:
    before = time.time()
    with Drawing(model) as drawing:
        end = drawing.draw(job(model, "a", steps=5))[0]
    assert isinstance(end, Finished)
    work = end.work
    assert work is not None
    assert (work.host, work.process, work.device) == (socket.gethostname(), os.getpid(), "cpu")
    assert [each.stage for each in work.stages] == [stage for stage in STAGES if stage != PICTURE] + ["image_encode"]
    seconds = end.timings.stages | {"image_encode": end.timings.image_encode}
    for each in work.stages:
        assert before < each.begun < each.ended < time.time()
        assert each.active == pytest.approx(seconds[each.stage])


def test_at_most_max_runs_are_in_flight_and_the_rest_start_in_the_order_they_came(flux: LoadedModel) -> None:
    schedule = Recorded()
    jobs = [job(flux, str(i), seed=i) for i in range(5)]
    with Drawing(flux, schedule=schedule, max_runs=2) as drawing:
        drawing.draw(*jobs)
    assert [event.job_id for event in drawing.events if isinstance(event, Started)] == ["0", "1", "2", "3", "4"]
    in_flight, most = set[str](), 0
    for event in drawing.events:
        if isinstance(event, Started):
            in_flight.add(event.job_id)
            most = max(most, len(in_flight))
        elif isinstance(event, Stepped) and event.step == event.steps:
            in_flight.discard(event.job_id)
    assert most == 2


def test_a_cancelled_job_stops_at_its_next_step_and_its_run_ends(model: LoadedModel) -> None:
    doomed, other = job(model, "doomed", steps=50), job(model, "other")
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed" and event.step == 2:
            drawing.cancel(doomed)

    with Drawing(model, on_event=on_event) as drawing:
        ends = drawing.draw(doomed, other)
        assert runs_under_way() == []
    assert ends[0] == Cancelled(job_id="doomed")
    assert np.array_equal(pixels(ends[1]), alone(model, other))
    assert max(event.step for event in drawing.events if isinstance(event, Stepped) and event.job_id == "doomed") == 2


@pytest.mark.parametrize("stage", ["text_encoder", "transformer", "vae.decoder"])
def test_a_cancel_that_comes_while_a_part_computes_ends_the_job_once_and_leaves_the_model_as_it_was(
    flux: LoadedModel, stage: str
) -> None:
    doomed, after = job(flux, "doomed", seed=3), job(flux, "after")
    drawing: Drawing
    cancelled: list[bool] = []

    def cancel_once(*_: Any) -> None:
        if not cancelled:
            cancelled.append(True)
            drawing.cancel(doomed)

    part = attrgetter(stage)(flux.pipeline)
    with part.register_forward_pre_hook(cancel_once), Drawing(flux, embeddings=EmbeddingCache()) as drawing:
        ends = drawing.draw(doomed, after)
        assert runs_under_way() == []
    assert cancelled
    # Once its last part has computed, the picture may be finished before the cancel is read: one of both, and once.
    assert isinstance(ends[0], Cancelled) or stage == "vae.decoder"
    assert sum(isinstance(event, End) and event.job_id == "doomed" for event in drawing.events) == 1
    assert np.array_equal(pixels(ends[1]), alone(flux, after))


def test_a_job_that_waits_for_its_start_can_be_cancelled(flux: LoadedModel) -> None:
    first, waiting = job(flux, "first"), job(flux, "waiting")
    gate = threading.Event()
    with Drawing(flux, max_runs=1, before_load=lambda source: gate.wait()) as drawing:
        drawing.put(first, waiting)
        drawing.cancel(waiting)
        gate.set()
        assert drawing.end_of(waiting) == Cancelled(job_id="waiting")
        assert isinstance(drawing.end_of(first), Finished)
    assert not [event for event in drawing.events if isinstance(event, Started) and event.job_id == "waiting"]


def test_cancelling_what_has_ended_or_never_was_is_ignored(flux: LoadedModel) -> None:
    with Drawing(flux) as drawing:
        drawing.draw(job(flux, "done"))
        drawing.cancel(job(flux, "done"))
        drawing.cancel(job(flux, "never"))
        drawing.draw(job(flux, "next"))
    assert not any(isinstance(event, Cancelled) for event in drawing.events)


def test_stopping_cancels_what_has_not_ended(flux: LoadedModel) -> None:
    drawing: Drawing

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and event.step == 1:
            drawing.loop.stop()

    with Drawing(flux, on_event=on_event, max_runs=1) as drawing:
        drawing.put(job(flux, "running", steps=500), job(flux, "waiting"))
        drawing.thread.join(LIMIT_SECONDS)
    assert [event for event in drawing.events if isinstance(event, Cancelled)] == [
        Cancelled(job_id="running"),
        Cancelled(job_id="waiting"),
    ]
    assert runs_under_way() == []


def test_a_size_that_the_pipeline_refuses_fails_and_the_next_job_works(
    model: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    with Drawing(model) as drawing:
        bad, good = drawing.draw(job(model, "bad", height=-8), job(model, "good"))
    assert isinstance(bad, Failed)
    assert not bad.retry_helps
    assert isinstance(good, Finished)
    assert "a red cat" not in caplog.text


def test_a_fault_in_the_denoiser_fails_that_run_alone_without_its_prompt_in_log_or_reason(
    flux: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    def break_once(module: torch.nn.Module, inputs: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("no kernel for 'a red cat on the moon' in /some/folder")

    with Drawing(flux) as drawing:
        with flux.pipeline.transformer.register_forward_pre_hook(break_once):
            ends = drawing.draw(job(flux, "a"), job(flux, "b"))
        after = drawing.draw(job(flux, "c"))[0]
    failed = [end for end in ends if isinstance(end, Failed)]
    assert len(failed) == 1
    assert failed[0].reason == "The model failed while drawing this picture (RuntimeError)."
    assert np.array_equal(pixels(after), alone(flux, job(flux)))
    assert "RuntimeError" in caplog.text
    assert "red cat" not in caplog.text


def test_running_out_of_memory_fails_the_run_and_says_that_another_try_may_help(flux: LoadedModel) -> None:
    def run_out(module: torch.nn.Module, inputs: Any) -> None:
        raise torch.OutOfMemoryError("tried to allocate 40 GiB")

    with flux.pipeline.transformer.register_forward_pre_hook(run_out), Drawing(flux) as drawing:
        (end,) = drawing.draw(job(flux))
    assert isinstance(end, Failed)
    assert end.retry_helps
    assert "not enough memory" in end.reason


def test_what_a_pipeline_does_not_take_is_refused_by_name(models: dict[str, LoadedModel]) -> None:
    model = models["latent-consistency"]
    with Drawing(model) as drawing:
        refused, drawn = drawing.draw(job(model, "refused", negative_prompt="blue"), job(model, "drawn"))
    assert refused == Failed(
        job_id="refused",
        reason="This model takes no `negative_prompt`.",
        retry_helps=False,
        code="unknown_parameter",
        param="negative_prompt",
    )
    assert isinstance(drawn, Finished)


def test_a_job_for_a_model_that_did_not_load_fails_with_the_reason(flux: LoadedModel) -> None:
    with Drawing(flux) as drawing:
        drawing.loop.put(ModelSpec(source="gone"))
        failed = drawing.wait(ModelFailed)
        ends = drawing.draw(job(flux, "a", source="gone"), job(flux, "b", source="unheard of"), job(flux, "c"))
    assert failed == ModelFailed(source="gone", reason="The model's folder is not there.")
    assert [type(end) for end in ends] == [Failed, Failed, Finished]
    assert ends[0] == Failed(job_id="a", reason="The model's folder is not there.", retry_helps=False)


def test_a_format_that_cannot_be_written_fails_the_job(flux: LoadedModel) -> None:
    with Drawing(flux) as drawing:
        (end,) = drawing.draw(job(flux, output_format="tiff"))
    reason = "The picture could not be written as tiff (ValueError)."
    assert end == Failed(job_id="job", reason=reason, retry_helps=False)


def test_every_job_ends_once_whatever_happens_to_it(flux: LoadedModel) -> None:
    jobs = [job(flux, str(i), seed=i, steps=1 + i % 5, height=-8 if i % 4 == 3 else 48) for i in range(40)]
    with Drawing(flux) as drawing:
        drawing.put(*jobs)
        for doomed in jobs[::3]:
            drawing.cancel(doomed)
        ends = [drawing.end_of(each) for each in jobs]
    said = [event.job_id for event in drawing.events if isinstance(event, Finished | Failed | Cancelled)]
    assert sorted(said, key=int) == [each.id for each in jobs]
    assert {type(end) for end in ends} == {Finished, Failed, Cancelled}


def test_two_hundred_runs_leave_none_under_way_and_no_memory_behind(flux: LoadedModel) -> None:
    process = psutil.Process()

    def draw(count: int) -> None:
        jobs = [job(flux, str(i), seed=i, steps=1 + i % 3, height=-8 if i % 10 == 9 else 64) for i in range(count)]
        drawing.put(*jobs)
        for doomed in jobs[4::10]:
            drawing.cancel(doomed)
        for each in jobs:
            drawing.end_of(each)
        drawing.events.clear()
        gc.collect()

    # A leaked run would hold its latents, embeddings and picture, some 40 kB: 8 MB for 200 of them, every time. What
    # other tests left in this process may move once.
    grown, most = [], 7e6
    with Drawing(flux) as drawing:
        draw(60)
        for _ in range(3):
            memory, objects = process.memory_info().rss, len(gc.get_objects())
            draw(200)
            assert runs_under_way() == []
            assert len(gc.get_objects()) - objects < 500
            grown.append(process.memory_info().rss - memory)
            if grown[-1] < most:
                break
    assert min(grown) < most
