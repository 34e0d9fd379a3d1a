from __future__ import annotations

import importlib
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline, StableDiffusionPipeline

from safelight.engine.checkpoint import fingerprint as module
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.fingerprint import fingerprint
from safelight.engine.machine.device import prepare


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints["flux"], tmp_path / "model")


def of(folder: Path, **changes: Any) -> str:
    settings: dict[str, Any] = {
        "pipeline_class": FluxPipeline,
        "defaults": {"num_inference_steps": 28},
        "dtype": "float32",
        "device": "cpu",
    }
    return fingerprint(Checkpoint.read(location_of(str(folder))).files(), **(settings | changes))


def test_a_copy_elsewhere_has_the_same_short_fingerprint(folder: Path, checkpoints: dict[str, Path]) -> None:
    assert of(folder) == of(checkpoints["flux"])
    assert len(of(folder)) == 16
    assert int(of(folder), 16) >= 0


def test_it_changes_with_everything_that_the_bytes_depend_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        of(folder),
        of(folder, pipeline_class=StableDiffusionPipeline),
        of(folder, defaults={"num_inference_steps": 8}),
        of(folder, dtype="bfloat16"),
    ]
    threads = torch.get_num_threads()
    prepare(threads + 1)
    found.append(of(folder))
    prepare(threads)
    with monkeypatch.context() as patch:
        patch.setattr(module, "encoder_settings", lambda: "another level")
        found.append(of(folder))
    with monkeypatch.context() as patch:
        patch.setattr(module, "versions", lambda: {"torch": "1.0"})
        found.append(of(folder))
    weights = next((folder / "vae").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    found.append(of(folder))
    assert len(set(found)) == len(found)


def test_our_own_layers_count_where_they_compute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    single, half = of(folder), of(folder, dtype="bfloat16")
    monkeypatch.setattr(module, "packed_layers", textwrap)  # any other file of code
    assert of(folder) == single
    assert of(folder, dtype="bfloat16") != half


def test_a_readme_changes_nothing(folder: Path) -> None:
    before = of(folder)
    (folder / "README.md").write_text("About this model")
    assert of(folder) == before


def test_the_code_beside_a_pipeline_of_our_own_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "own_pipeline"
    package.mkdir()
    (package / "__init__.py").write_text("class OwnPipeline: ...\n")
    (package / "drawing.py").write_text("BRUSH = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("own_pipeline").OwnPipeline
    before = of(folder, pipeline_class=own)
    assert of(folder, pipeline_class=own) == before
    (package / "drawing.py").write_text("BRUSH = 2\n")
    assert of(folder, pipeline_class=own) != before
