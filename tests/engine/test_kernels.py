"""Facts about kernels of our own, run by Triton's interpreter: their bytes are those of PyTorch's chains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from safelight.engine.tuning.fused.compiled import have_a_place, kernels_for

ROOT = Path(__file__).parent.parent.parent
TRITON = ROOT / ".venv" / "triton"
needs_triton = pytest.mark.skipif(
    not (TRITON / "triton").is_dir(), reason=f"Triton is not in {TRITON}: `make test` installs it, on Linux alone"
)


def said(module: str, **variables: str) -> Any:
    """What a module prints in its last line, run with Triton beside it. All cases in one process: it takes seconds."""
    path = os.pathsep.join([str(ROOT), str(TRITON)])
    ran = subprocess.run(
        [sys.executable, "-m", f"tests.engine.{module}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def cases() -> dict[str, bool]:
    found: dict[str, bool] = said("interpreted_kernels", TRITON_INTERPRET="1")["cases"]
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Triton makes of each kernel for a GPU."""
    found: dict[str, str] = said("compiled_kernels", TRITON_CACHE_DIR=str(tmp_path_factory.mktemp("triton")))
    return found


# How many there are at least: a part that finds nothing to compare says so.
PARTS = {"modulation": 12, "norm": 7, "every bfloat16": 3, "rotary": 96, "zeros": 32, "refused": 13, "a picture": 3}


@needs_triton
@pytest.mark.parametrize("part", PARTS)
def test_the_bytes_are_those_of_the_chain(cases: dict[str, bool], part: str) -> None:
    ours = {name: held for name, held in cases.items() if name.startswith(part)}
    assert len(ours) >= PARTS[part]
    assert [name for name, held in ours.items() if not held] == []


_ARITHMETIC = re.compile(r"\b(add|sub|mul|fma|div)((?:\.\w+)*)\.(?:f32|bf16|f16)(x2)?(?:\.bf16|\.f16)?\b")
_LOADS = re.compile(r"\bld\.global\S*")
_SHUFFLES = re.compile(r"\bshfl\.sync\.bfly\.b32[^;]*, (\d+), 31,")
# Of one thread: products, sums and differences. A product and a sum that were made one would be missing; a B200 does
# two at once and leaves some unused.
OPERATIONS = {"_modulate": 8 * 8 * 2 + 8, "_turn_interleaved": 8 * 3, "_turn_halves": 16 * 3}
# A norm's are made one where PyTorch's are: two for each of four numbers, and for each of seven times that states are
# put together. A state is three numbers.
FUSED = 4 * 2 + 7 * 2
TOGETHER = [str(apart) for apart in (16, 8, 4, 2, 1, 2, 1) for _ in range(3)]


@needs_triton
def test_for_a_gpu_they_are_compiled_to_products_and_sums_that_are_rounded_each(programs: dict[str, str]) -> None:
    """`.rn` says that the assembler may not make one rounding of two (PTX ISA, "Floating Point Instructions")."""
    assert len(programs) == 48
    for name, ptx in programs.items():
        used = _ARITHMETIC.findall(ptx)
        assert {how for _, how, _ in used} <= {".rn", ".rn.f32"}, name  # the latter widens bfloat16 as it adds (B200)
        if name.startswith("_norm"):
            assert len(re.findall(r"\bfma\.rn\.f32\b", ptx)) == FUSED, name
            assert _SHUFFLES.findall(ptx) == TOGETHER, name
        else:
            assert sum(2 if twice else 1 for *_, twice in used) >= OPERATIONS[name.split()[0]], name
            assert any(".v4.b32" in each for each in _LOADS.findall(ptx)), name  # sixteen bytes at once


@needs_triton
def test_the_triton_that_is_tried_is_the_one_that_is_pinned() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import triton; print(triton.__version__)"],
        env=os.environ | {"PYTHONPATH": str(TRITON)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"triton=={said.stdout.strip()} " in (ROOT / "requirements" / "triton.txt").read_text()


def test_on_a_processor_there_are_none_and_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(NotImplementedError, match="no GPU"):
        kernels_for(torch.zeros(1))
    assert "triton" not in sys.modules


def test_what_is_compiled_has_a_place_of_its_own_where_the_home_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRITON_CACHE_DIR", "TRITON_HOME"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    have_a_place()
    assert "TRITON_CACHE_DIR" not in os.environ
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    have_a_place()
    place = Path(os.environ["TRITON_CACHE_DIR"])
    assert place.parent == tmp_path
    assert place.stat().st_mode & 0o077 == 0
    have_a_place()
    assert os.environ["TRITON_CACHE_DIR"] == str(place)
