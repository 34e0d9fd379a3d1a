"""Graphs kept on disk: the next start needs no PyTorch, draws the same bytes, and does without what is broken."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from safelight.engine.runtimes import kept
from safelight.engine.runtimes.denoiser import run_by_openvino
from safelight.engine.runtimes.kept import KeptGraphs
from tests.engine.by_openvino import Part, Pipeline, by_openvino, drawn

_X = torch.linspace(-1, 1, 12).reshape(3, 4)


def computed(folder: Path, key: str = "a key") -> tuple[torch.Tensor, int]:
    """What a new process would compute over that folder, and how often PyTorch did."""
    part = Part(torch.tanh)
    run_by_openvino(Pipeline(part), torch.float32, KeptGraphs(folder, key))
    with torch.no_grad():
        for _ in range(2):
            result = part(_X)[0].clone()
    return result, part.calls


def test_a_form_that_was_compared_once_is_not_computed_by_pytorch_again(tmp_path: Path) -> None:
    first, calls = computed(tmp_path)
    again, calls_again = computed(tmp_path)
    assert calls >= 1
    assert calls_again == 0
    assert torch.equal(first, again)
    assert computed(tmp_path, "another key")[1] == calls


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
        lambda data: b"x" * 4096,
    ],
    ids=["empty", "cut", "a bit", "another file"],
)
def test_what_is_broken_is_made_anew(damage: object, tmp_path: Path) -> None:
    first, calls = computed(tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))  # type: ignore[operator]
    again, calls_again = computed(tmp_path)
    assert calls_again == calls
    assert torch.equal(first, again)
    assert [*tmp_path.iterdir()] == [file]
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    with caplog.at_level(logging.WARNING):
        first, calls = computed(place)
    assert "could not be kept" in caplog.text
    assert torch.equal(first, computed(tmp_path / "folder")[0])
    assert calls >= 1


def test_those_that_were_used_longest_ago_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed(tmp_path, "oldest")
    (oldest,) = tmp_path.iterdir()
    computed(tmp_path, "old")
    (old,) = {*tmp_path.iterdir()} - {oldest}
    os.utime(oldest, (1, 1))
    os.utime(old, (2, 2))
    computed(tmp_path, "oldest")  # is used now
    monkeypatch.setattr(kept, "_MOST_BYTES", 2 * oldest.stat().st_size + 100)
    computed(tmp_path, "new")
    assert oldest in tmp_path.iterdir()
    assert old not in tmp_path.iterdir()
    assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize("family", ["stable-diffusion", "flux"])
def test_pictures_are_the_same_with_and_without(family: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = checkpoints[family]
    pictures = [drawn(by_openvino(folder, kept=place), height=64) for place in (None, tmp_path, tmp_path)]
    assert [*tmp_path.iterdir()]
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)
