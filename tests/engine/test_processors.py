"""What processors are made of where torchvision is not installed, and what the fingerprint says of it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from benchmarks.checkpoints import viewing
from transformers import CLIPTokenizer, Qwen2VLProcessor

from safelight.engine.checkpoint.loading import load
from safelight.engine.checkpoint.processors import pictures_read_with, without_videos
from safelight.protocol.messages import ModelSpec


def test_a_processor_reads_pictures_without_its_part_for_videos(tmp_path: Path) -> None:
    saved = viewing.qwen2_vl_processor()
    saved.save_pretrained(tmp_path)
    read = without_videos(Qwen2VLProcessor).from_pretrained(tmp_path, local_files_only=True)
    assert isinstance(read, Qwen2VLProcessor)
    assert read.get_attributes() == ["image_processor", "tokenizer"]
    assert read.image_processor.to_dict() == saved.image_processor.to_dict()


@pytest.mark.parametrize("kind", [CLIPTokenizer, dict])
def test_what_has_no_such_part_is_not_made_less_of(kind: type) -> None:
    with pytest.raises((AttributeError, TypeError)):
        without_videos(kind)


def test_a_fingerprint_says_which_torchvision_reads_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    viewing.longcat_image_edit().save_pretrained(tmp_path)
    spec = ModelSpec(source=str(tmp_path), dtype="float32")
    plain = load(spec, "cpu").fingerprint
    monkeypatch.setattr("safelight.engine.checkpoint.processors.version", lambda name: "0.28.0")
    assert pictures_read_with([Qwen2VLProcessor]) == "torchvision 0.28.0"
    assert pictures_read_with([CLIPTokenizer]) is None
    assert load(spec, "cpu").fingerprint != plain
    monkeypatch.setattr("safelight.engine.checkpoint.processors.version", importlib.metadata.version)
    assert load(spec, "cpu").fingerprint == plain
