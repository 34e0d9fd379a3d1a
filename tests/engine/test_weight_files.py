"""A file of weights that is not whole is found before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from safelight.contract.errors import ModelLoadError
from safelight.engine.machine.weights.weight_files import check_safetensors


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_file({"weight": torch.ones(100)}, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_whole_file_passes(file: Path) -> None:
    check_safetensors(file, "The weights")


@pytest.mark.parametrize("harm", ["cut", "empty", "another kind", "gone"])
def test_a_damaged_one_is_named_and_the_mend_too(file: Path, harm: str) -> None:
    whole = file.read_bytes()
    harmed = {"cut": whole[:-1], "empty": b"", "another kind": b"<html>not found</html>" * 10, "gone": None}[harm]
    file.unlink() if harmed is None else file.write_bytes(harmed)
    with pytest.raises(ModelLoadError, match=r"The weights are damaged: model\.safetensors .* Get it again"):
        check_safetensors(file, "The weights")
