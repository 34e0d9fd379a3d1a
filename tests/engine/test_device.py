from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from safelight.contract.errors import ConfigurationError
from safelight.engine.machine import device
from safelight.engine.machine.device import before_import, choose_device, cpu_bfloat16, usable_cores, usable_memory
from safelight.engine.worker import on_its_device
from safelight.protocol.messages import Configure


def test_cores_are_those_of_the_affinity_without_a_quota(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("quota", "cores"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_a_quota_of_control_groups_v2_counts_on_the_whole_way_down(
    tmp_path: Path, quota: str, cores: int | None
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("0::/pod/container\n")
    (tmp_path / "pod" / "container").mkdir(parents=True)
    (tmp_path / "pod" / "container" / "cpu.max").write_text("max 100000\n")
    (tmp_path / "pod" / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores(tmp_path, tmp_path) == (cores or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("quota", "cores"), [("150000", 1), ("-1", None)])
def test_a_quota_of_control_groups_v1_counts(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path, tmp_path) == (cores or len(os.sched_getaffinity(0)))


def test_memory_is_what_the_control_group_allows(tmp_path: Path) -> None:
    installed = usable_memory(tmp_path)
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert usable_memory(tmp_path) == 1073741824
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_memory(tmp_path) == installed


def test_of_several_gpus_each_worker_takes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for wanted in ("auto", "cuda"):
        assert [choose_device(wanted, number) for number in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert choose_device("cuda:1", 0) == "cuda:1"


@pytest.mark.parametrize(
    ("wanted", "own"), [("auto", "cuda:1"), ("cuda", "cuda:1"), ("cuda:0", "cuda:0"), ("cuda:7", None)]
)
def test_a_workers_thread_computes_on_its_own_device(
    wanted: str, own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the driver says stands in for two cards. A device that is not here is said when a model is loaded."""
    set_to: list[str] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", set_to.append)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # PyTorch's own
    configured = on_its_device(Configure(models=(), device=wanted, workers=2, number=1))
    assert configured.device == (own or wanted)
    assert set_to == ([own] if own else [])
    assert torch.backends.cudnn.deterministic is (own is not None)  # the same bytes at every call
    assert torch.backends.cudnn.allow_tf32 is (own is None)  # float32 is float32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_cuda_is_no_other_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == "mps"
    with pytest.raises(ConfigurationError, match=r"no device 'cuda' here\. Devices: cpu, mps"):
        choose_device("cuda")


def test_auto_is_a_device_that_is_here_and_others_are_refused_by_name() -> None:
    device = choose_device("auto")
    assert choose_device(device) == device
    assert choose_device("cpu") == "cpu"
    for absent in ("cuda:99", "xpu", "toaster"):
        with pytest.raises(ConfigurationError, match=f"no device '{absent}' here. Devices: cpu"):
            choose_device(absent)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu avx512f avx512_bf16 vaes\nbogomips\t: 5192\n", ("avx512_bf16",)),
        ("flags\t\t: avx512_bf16 amx_bf16 amx_tile\n", ("avx512_bf16", "amx_bf16")),
        ("processor\t: 0\nFeatures\t: fp asimd sve i8mm bf16 dgh\nCPU part\t: 0xd40\n", ("bf16",)),
        ("Features\t: fp asimd svebf16\n", ()),
        ("flags\t\t: fpu avx2\n", ()),
        ("", ()),
    ],
)
def test_units_for_bfloat16_are_found_on_both_kinds_of_processor(
    said: str, found: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "cpuinfo").write_text(said)
    assert cpu_bfloat16(tmp_path) == found


@pytest.mark.parametrize(
    ("threads", "workers", "spins"), [(0, 1, True), (2, 2, True), (4, 1, True), (0, 2, False), (4, 2, False)]
)
def test_threads_that_wait_sleep_at_once_where_workers_have_more_of_them_than_there_are_cores(
    threads: int, workers: int, spins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "usable_cores", lambda: 4)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before_import(threads, workers)
    assert os.environ["OMP_NUM_THREADS"] == str(threads or 4)
    assert (int(os.environ["GOMP_SPINCOUNT"]) > 0) is spins
    monkeypatch.setenv("GOMP_SPINCOUNT", "500")  # an operator's own counts
    before_import(threads, workers)
    assert os.environ["GOMP_SPINCOUNT"] == "500"
