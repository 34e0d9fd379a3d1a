"""The GPU check, run tiny on a CPU: that it runs to its end, keeps to its time, and tells what failed."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from pathlib import Path

import pytest
from benchmarks.gpu.__main__ import Part, parts, run, write
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def test_it_takes_eight_minutes_at_most_and_speed_comes_last() -> None:
    everything = parts("cuda:0", small=False)
    assert sum(part.seconds for part in everything) <= 480
    assert [part.name for part in everything][:2] == ["families, bfloat16", "families, float32"]
    assert [part.name for part in everything][-3:] == ["sdxl", "sd35-large", "flux1-dev"]


_FIGURES = """print('{"x": 1}', flush=True)"""


def test_a_part_that_hangs_is_ended_and_one_that_fails_is_told(tmp_path: Path) -> None:
    """All at once: those that hang are ended after a time that a busy machine needs to start them."""
    listed = [
        Part("hangs", ("-c", "import time; print('begun', flush=True); time.sleep(600)"), 15),
        Part("half", ("-c", f"import time; {_FIGURES}; time.sleep(600)"), 15, measures=True),
        Part("fails", ("-c", "raise SystemExit('no kernel for this')"), 60),
        Part("holds", ("-c", f"print('much'); {_FIGURES}"), 60, measures=True),
        Part("warns", ("-c", f"{_FIGURES}; print('{{leaked}}')"), 60, measures=True),
        Part("silent", ("-c", "print('nothing')"), 60, measures=True),
    ]
    with ThreadPoolExecutor() as pool:
        found = {part.name: said for part, said in zip(listed, pool.map(run, listed), strict=True)}
    assert [name for name, said in found.items() if said["ok"]] == ["holds", "warns"]
    assert [name for name, said in found.items() if said.get("figures") == {"x": 1}] == ["half", "holds", "warns"]
    assert (found["hangs"]["said"], found["hangs"]["why"]) == ("begun", "took more than 15 s")
    assert found["fails"]["said"] == "no kernel for this"
    assert found["silent"]["why"] == "no figures"
    write(tmp_path, {"machine": {"device": "none"}, "parts": found})
    table = (tmp_path / "gpu.md").read_text()
    assert "| hangs | FAILED |" in table
    assert "| holds | as it must be |" in table
    assert "| x 1, took more than 15 s |" in table
    assert json.loads((tmp_path / "gpu.json").read_text())["parts"]["fails"]["log"]


def test_it_runs_from_its_script_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    """With its shortest part; what the others do, each in a process like this one, the next test shows."""
    done = subprocess.run(
        ["bash", "scripts/gpu_check.sh", "-", "--device=cpu", "--small", "--only=out-of-memory", f"--out={tmp_path}"],
        cwd=ROOT,
        env=os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["machine"]["device"] == "CPU"
    assert found["parts"]["out-of-memory"]["figures"] == {"not run": "a CPU's memory is not to be filled"}


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Such small models gain nothing by a second."""
    import torch  # seconds, in whichever of a run's processes has this test

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["several-models", "no-waits", "kernels", "sdxl"])
def test_a_part_runs_on_a_cpu_with_small_sizes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own command, in this process: to import PyTorch and diffusers is most of what it takes."""
    (part,) = (part for part in parts("cpu", small=True) if part.name == name)
    option, module, *words = part.command
    assert (option, part.measures) == ("-m", True)
    monkeypatch.setattr(sys, "argv", [module, *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__")
    assert end.value.code == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures
    if name == "sdxl":
        assert figures["recorded has the same bytes"] is True
        assert figures["recorded and fused has the same bytes"] is True
    if name == "kernels":
        assert figures["modulation small 16x64 bfloat16, by_kernel"] == "not run: no GPU"
        assert figures["rotary small 16x2x8 halves float32, by_kernel, by_integers True"] == "not run: no GPU"
        assert figures["norm and modulation small 16x64 float32, norm_by_kernel"] == "not run: no GPU"
        assert figures["norm and modulation small 16x64 float32, norm, in_place"].startswith("same bytes, ")
        assert figures["rotary small 16x2x8 side by side bfloat16, turned"].startswith("same bytes, ")


def test_every_wheel_of_the_bundle_is_pinned_and_none_is_pytorch() -> None:
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    listed = (ROOT / "scripts/gpu_packages.txt").read_text().splitlines()
    wanted = {line for line in listed if not line.startswith("#")}
    assert {plain(name) for name in wanted} <= {plain(name) for name in pinned}
    assert "torch" not in wanted


# What a machine with PyTorch has, and what nothing that is run here imports: downloads, and transformers' command line.
WITH_PYTORCH = {
    "torch",
    "numpy",
    "filelock",
    "fsspec",
    "jinja2",
    "networkx",
    "sympy",
    "setuptools",
    "typing-extensions",
}
NOT_IMPORTED = {"hf-xet", "typer"}


def test_the_bundle_has_all_that_its_wheels_need() -> None:
    listed = {line for line in (ROOT / "scripts/gpu_packages.txt").read_text().splitlines() if line[0] != "#"}
    there = {plain(name) for name in listed} | WITH_PYTORCH | NOT_IMPORTED
    target = {"python_version": "3.12", "python_full_version": "3.12.0", "extra": ""}
    for name in listed:
        for requirement in map(Requirement, requires(name) or ()):
            if requirement.marker is None or requirement.marker.evaluate(target):
                assert plain(requirement.name) in there, f"{name} needs {requirement.name}"


def plain(name: str) -> str:
    """As package indexes compare names."""
    return name.lower().replace("_", "-")
