"""Tiny pipelines, made once a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import diffusers
import pytest
import torch
import transformers
from benchmarks.checkpoints import tiny

from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.device import prepare
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec

diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()


# One thread: such small pipelines gain nothing from a second, and waiting for it takes most of a busy machine's time.
prepare(threads=1)
torch.set_flush_denormal(False)  # this thread runs other tests too, and they know denormals


@pytest.fixture(autouse=True)
def denormals_are_flushed() -> Iterator[None]:
    """As in a worker, for the tests of this folder alone."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each family."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {family: tiny.save(family, root / family) for family in tiny.FAMILIES}


@pytest.fixture(scope="session")
def models(checkpoints: dict[str, Path]) -> dict[str, LoadedModel]:
    """Each family loaded in float32."""
    loaded = {}
    for family, folder in checkpoints.items():
        loaded[family] = load(ModelSpec(source=str(folder), dtype="float32"), "cpu")
        loaded[family].pipeline.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(params=sorted(tiny.FAMILIES))
def model(request: pytest.FixtureRequest, models: dict[str, LoadedModel]) -> LoadedModel:
    """Each family in turn."""
    return models[request.param]


@pytest.fixture
def flux(models: dict[str, LoadedModel]) -> LoadedModel:
    return models["flux"]
