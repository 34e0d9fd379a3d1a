"""The host's memory: who has room there, what may be moved, and what a move leaves alone."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import torch

from safelight.contract.models.options import ModelOptions, Quantization
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.weights.memory import free_memory, memory_of, tensors_of
from safelight.engine.machine.weights.parts import Parts
from safelight.engine.pipeline.edits.controls import NO_CONTROLS
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency import host_memory
from safelight.engine.residency.host_memory import HostMemory, can_move, host_budget, move
from safelight.engine.tuning import packing
from safelight.protocol.messages import Finished, ModelReady, ModelResting, ModelSpec
from tests.engine.drawing import Drawing, job

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, to move models to and from")


def spec(source: str) -> ModelSpec:
    return ModelSpec(source=source)


def test_who_comes_has_the_least_recently_used_lose_their_room() -> None:
    host = HostMemory(100)
    assert host.admit(spec("old"), 40, last_used=1) == []
    assert host.admit(spec("newest"), 40, last_used=9) == []
    assert host.admit(spec("new"), 50, last_used=5) == ["old"]
    assert host.admit(spec("all"), 100, last_used=6) == ["new", "newest"]
    host.leave("all")
    assert host.admit(spec("one"), 1, last_used=7) == []
    assert [source for source in ("old", "newest", "new", "all", "one") if source in host] == ["one"]


def test_one_that_does_not_fit_at_all_drives_nobody_out() -> None:
    host = HostMemory(100)
    host.admit(spec("small"), 90, last_used=1)
    assert host.admit(spec("large"), 101, last_used=2) == []
    assert "large" not in host
    assert "small" in host
    assert HostMemory().admit(spec("any"), 1, last_used=1) == []


@pytest.mark.parametrize(
    "options",
    [
        ModelOptions(offload="model"),
        ModelOptions(offload="group"),
        ModelOptions(quantization=(Quantization(backend="torchao"),)),
        ModelOptions(transformer="weights.gguf"),
    ],
)
def test_what_is_offloaded_or_quantized_is_not_moved(options: ModelOptions) -> None:
    kept_apart = ModelSpec(source="model", options=options)
    assert not can_move(kept_apart)
    host = HostMemory(100)
    assert host.admit(kept_apart, 1, last_used=1) == []
    assert "model" not in host
    assert can_move(ModelSpec(source="model", options=ModelOptions(transformer="weights.safetensors")))


def test_the_budget_is_a_share_of_what_is_free_and_nothing_where_the_device_has_no_memory_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_memory, "free_memory", lambda: 1000)
    assert host_budget("cuda:0", None, workers=1) == 500
    assert host_budget("cuda", None, workers=2) == 250
    assert host_budget("cuda", 0, workers=1) == 0
    assert host_budget("cuda", 7, workers=2) == 7
    assert host_budget("cpu", 7, workers=1) == host_budget("mps", None, workers=1) == 0
    monkeypatch.setattr(host_memory, "free_memory", lambda: None)
    assert host_budget("cuda", None, workers=1) == 0


def test_free_memory_is_what_the_machine_and_the_cgroup_leave(tmp_path: Path) -> None:
    proc, group = tmp_path / "proc", tmp_path / "group"
    proc.mkdir()
    group.mkdir()
    assert free_memory(group, proc) is None
    (proc / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:  5000 kB\nHugePages_Total:  0\n")
    assert free_memory(group, proc) == 5000 * 1024
    (group / "memory.max").write_text("3000000\n")
    (group / "memory.current").write_text("2500000\n")
    (group / "memory.stat").write_text("anon 2000000\ninactive_file 300000\nactive_file 100000\n")
    assert free_memory(group, proc) == 900_000
    (group / "memory.current").write_text("9000000\n")
    assert free_memory(group, proc) == 0
    assert (free_memory() or 1) > 0


def test_a_host_without_room_is_found_out_before_anything_is_moved(flux: LoadedModel) -> None:
    needs = memory_of(flux.pipeline)
    with pytest.raises(MemoryError, match=f"{needs} bytes do not fit"):
        move(flux, "cpu", free=lambda: needs)
    move(flux, "cpu", free=lambda: needs + 2_000_000_000)
    move(flux, "cpu", free=lambda: None)


def test_a_part_that_stays_where_it_is_is_an_error() -> None:
    class Stuck:
        components = {"unet": torch.nn.Linear(1, 1, device="meta")}  # noqa: RUF012

        def to(self, device: str) -> None:
            pass

    parts = Parts(Stuck.components)
    stuck: Any = type("Model", (), {"pipeline": Stuck(), "device": "cpu", "controls": NO_CONTROLS, "parts": parts})()
    with pytest.raises(RuntimeError, match="did not move to cpu"):
        move(stuck, "cpu", free=lambda: None)


def test_what_pytorch_makes_anew_keeps_bits_strides_and_ties(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By way of another number format, which holds every bit of the first: the way of `.to` that needs no device."""
    monkeypatch.setattr(packing, "can_pack", lambda dtype: False)  # as on a device: no model moves that is on a CPU
    for family in ("stable-diffusion", "flux"):
        pipeline = load(ModelSpec(source=str(checkpoints[family]), dtype="bfloat16"), "cpu").pipeline
        before = [(tensor, tensor.clone(), tensor.stride()) for tensor in tensors_of(pipeline)]
        size = memory_of(pipeline)
        pipeline.to(torch.float32)
        assert memory_of(pipeline) > size
        pipeline.to(torch.bfloat16)
        after = list(tensors_of(pipeline))
        assert len(after) == len(before)
        for now, (weight, bits, stride) in zip(after, before, strict=True):
            assert torch.equal(now, bits.to(now.dtype))
            assert now.stride() == stride
            if isinstance(weight, torch.nn.Parameter):
                assert now is weight, "whoever shares it goes on sharing it"
        assert memory_of(pipeline) == size
        assert any(tensor.ndim == 4 and not tensor.is_contiguous() for tensor in after), "laid channels-last"


@needs_cuda
def test_moved_out_the_device_has_its_memory_back_and_moved_back_every_bit_and_stride(
    checkpoints: dict[str, Path],
) -> None:
    before = torch.cuda.memory_allocated()
    model = load(ModelSpec(source=str(checkpoints["stable-diffusion"]), dtype="bfloat16"), "cuda")
    here = torch.cuda.memory_allocated()
    assert here - before >= memory_of(model.pipeline)
    weights = [(tensor.cpu(), tensor.stride()) for tensor in tensors_of(model.pipeline)]
    size = memory_of(model.pipeline)
    move(model, "cpu")
    assert torch.cuda.memory_allocated() <= before
    move(model, "cuda")
    assert torch.cuda.memory_allocated() <= here
    assert memory_of(model.pipeline) == size
    for now, (bits, stride) in zip(tensors_of(model.pipeline), weights, strict=True):
        assert torch.equal(now.cpu(), bits)
        assert now.stride() == stride


@needs_cuda
def test_a_model_that_was_moved_out_and_back_draws_the_same_bytes(checkpoints: dict[str, Path]) -> None:
    sources = [str(checkpoints[family]) for family in ("flux", "stable-diffusion")]
    loaded: list[str] = []

    def loads(wanted: ModelSpec) -> LoadedModel:
        loaded.append(wanted.source)
        return load(ModelSpec(source=wanted.source, dtype="float32"), "cuda")

    a, b = (ModelSpec(source=source) for source in sources)
    with Drawing(loads=loads, memory_bytes=1, host_memory_bytes=1_000_000_000) as drawing:
        drawing.loop.put(a)
        drawing.loop.put(b)
        (first,) = drawing.draw(job(a, "first"))
        drawing.draw(job(b, "between"))
        drawing.wait(ModelResting, lambda event: event.source == a.source)
        gc.collect()
        (second,) = drawing.draw(job(a, "second"))
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert (second.image, second.fingerprint) == (first.image, first.fingerprint)
    assert sorted(loaded) == sorted(sources), "each was read from its files once"
    assert any(event.moved for event in drawing.events if isinstance(event, ModelReady))
    assert {event.where for event in drawing.events if isinstance(event, ModelResting)} == {"host"}
