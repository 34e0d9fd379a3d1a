"""What draws at a host, and what it keeps on its machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.ray.hosts.engines import engine_of, measured_folder
from safelight.protocol.cluster.deploying import Cluster, Kind
from safelight.protocol.messages import Configure, ModelSpec
from safelight.service.ports.engine import Engine, ModelState


def _cluster(*, fake: bool = False) -> Cluster:
    models = (ModelSpec(source="postcard", dtype="float32"),)
    kind = Kind(gpus=0, cpus=1, least=1, most=1, queue_target_seconds=20, fake=fake)
    return Cluster(kinds={"small": kind}, configure=Configure(models=models, threads=1, warm_up_seconds=5.0))


def _orphaned(job_id: str, begun: bool) -> None:
    raise AssertionError(f"nothing is drawn, and {job_id} was handed back")


async def _ready(engine: Engine) -> ModelState:
    """Its model, once a picture could be drawn."""
    async with asyncio.timeout(300):
        while (state := engine.state().model("postcard")).status == "loading":
            await engine.changed()
    assert state.status == "ready", state.reason
    return state


async def test_what_one_host_measured_the_next_on_its_machine_finds_and_two_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path))
    two = [engine_of("small", _cluster(), _orphaned) for _ in range(2)]
    for engine in two:
        await engine.start()
    states = [await _ready(engine) for engine in two]
    assert all(state.costs for state in states)
    for engine in two:
        await engine.stop()
    kept = tmp_path / "measured" / "small" / f"{states[0].fingerprint}.json"
    assert kept.is_file()
    names = {path.name for path in kept.parent.iterdir()}
    assert names <= {kept.name, "load-times.json", "move-times.json"}  # nothing half written
    again = engine_of("small", _cluster(), _orphaned)
    before = kept.stat().st_mtime_ns
    await again.start()
    assert (await _ready(again)).costs in [state.costs for state in states]
    assert kept.stat().st_mtime_ns == before  # it measured nothing
    await again.stop()


def test_kinds_of_one_machine_keep_apart_what_they_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path))
    assert measured_folder("small") == str(tmp_path / "measured" / "small")
    assert measured_folder("large") == str(tmp_path / "measured" / "large")


def test_a_kind_that_is_to_be_tried_draws_stripes() -> None:
    assert isinstance(engine_of("small", _cluster(fake=True), _orphaned), FakeEngine)
