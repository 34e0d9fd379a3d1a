"""What `show` found out is read again, as long as nothing that it depends on has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.checkpoints.described import described
from safelight.contract.errors import SafelightError
from safelight.protocol.messages import ModelSpec
from tests.cli.conftest import CommandLine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoint = tmp_path / "model"
    (checkpoint / "unet").mkdir(parents=True)
    (checkpoint / "model_index.json").write_text("{}")
    (checkpoint / "unet" / "weights.safetensors").write_bytes(b"0")
    (tmp_path / "home").mkdir()
    return checkpoint


class Looks:
    """Counts looks; each says which it was."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, spec: ModelSpec) -> dict[str, Any]:
        self.count += 1
        return {"look": self.count}


def test_a_checkpoint_is_looked_at_again_when_it_or_its_options_change(folder: Path) -> None:
    home, looks, spec = folder.parent / "home", Looks(), ModelSpec(source=str(folder))
    assert [described(home, spec, looks)["look"] for _ in range(2)] == [1, 1]
    os.utime(folder / "unet" / "weights.safetensors", ns=(1, 1))
    assert [described(home, spec, looks)["look"] for _ in range(2)] == [2, 2]
    (folder / "unet" / "config.json").write_text("{}")
    assert described(home, spec, looks)["look"] == 3
    assert described(home, ModelSpec(source=str(folder), dtype="float32"), looks)["look"] == 4
    assert described(home, spec, looks)["look"] == 3


def test_what_went_wrong_is_not_kept_and_what_is_damaged_is_looked_at_anew(folder: Path) -> None:
    home, looks, spec = folder.parent / "home", Looks(), ModelSpec(source=str(folder))

    def fails(spec: ModelSpec) -> dict[str, Any]:
        raise SafelightError("It is damaged.")

    with pytest.raises(SafelightError):
        described(home, spec, fails)
    assert described(home, spec, looks)["look"] == 1
    (kept,) = (home / "described").iterdir()
    kept.write_text("{")
    assert described(home, spec, looks)["look"] == 2


def test_a_folder_that_is_no_checkpoint_or_no_state_folder_is_not_kept(folder: Path) -> None:
    looks = Looks()
    (folder / "model_index.json").unlink()
    assert [described(folder.parent / "home", ModelSpec(source=str(folder)), looks)["look"] for _ in range(2)] == [1, 2]
    assert described(folder.parent / "none", ModelSpec(source="postcard"), looks)["look"] == 3
    assert not (folder.parent / "none").exists()


def test_show_says_that_it_reads_and_starts_no_torch_the_second_time(safelight: CommandLine) -> None:
    safelight.home.mkdir()
    shown = safelight("show", "postcard", "--json")
    assert "Reading postcard. PyTorch is started for it, which can take a minute" in shown.stderr
    first = json.loads(shown.stdout)
    (kept,) = (safelight.home / "described").iterdir()
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"name": "as it was kept"}))
    again = safelight("show", "postcard", "--json")
    assert json.loads(again.stdout) == first | {"name": "as it was kept"}
    assert "Reading" not in again.stderr


def test_show_of_a_path_that_is_not_there_says_so_and_reads_nothing(safelight: CommandLine) -> None:
    shown = safelight("show", "./nowhere")
    assert shown.returncode == 1
    assert "There is no folder and no file" in shown.stderr
    assert "Reading" not in shown.stderr
