"""What a process that draws is given: no secret of the environment, no new rights, no file of ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from safelight.adapters.processes.children import child_environment
from tests.clients.process import serving
from tests.e2e.drawing import wait_until_ready, workers

SECRETS = {
    "SAFELIGHT_API_KEY": "s",
    "HF_TOKEN": "s",
    "HUGGING_FACE_HUB_TOKEN": "s",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_ACCESS_KEY_ID": "s",
    "DATABASE_URL": "s",
    "OPENAI_API_KEY": "s",
    "TORCH_HUB_PASSWORD": "s",
    "DIFFUSION_KEY": "s",
}
NEEDED = {
    "PATH": "/bin",
    "CUDA_VISIBLE_DEVICES": "0",
    "HF_HOME": "/hub",
    "LC_ALL": "C.UTF-8",
    "https_proxy": "http://proxy",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
    "OMP_NUM_THREADS": "2",
}


def test_what_torch_and_the_hubs_libraries_need_is_handed_on_and_no_secret_is() -> None:
    given = child_environment(NEEDED | SECRETS)
    assert NEEDED.items() <= given.items()
    assert not set(SECRETS) & set(given)


def test_what_the_operator_says_goes_before_our_own_defaults() -> None:
    assert child_environment({})["HF_HUB_OFFLINE"] == "1"
    assert child_environment({"MKL_CBWR": "COMPATIBLE"})["MKL_CBWR"] == "COMPATIBLE"


def test_no_part_of_the_path_stands_for_the_working_directory() -> None:
    given = child_environment({"PYTHONPATH": ":/more:", "PYTHONSAFEPATH": ""})
    assert (given["PYTHONPATH"], given["PYTHONSAFEPATH"]) == ("/more", "1")
    assert "PYTHONPATH" not in child_environment({"PYTHONPATH": ":"})


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which alone tells this of a process")
def test_a_worker_has_no_secret_no_new_privileges_and_no_descriptor_of_the_servers(tmp_path: Path) -> None:
    # One: a second would be looked at while it is being forked, with the template's descriptors for a moment.
    with serving(tmp_path, engine="local", workers="1") as served:
        wait_until_ready(served)
        (worker,) = workers(served)
        variables, status, shared = seen_of(worker.pid, served.process.pid)
    assert not [name for name in variables if name.startswith("SAFELIGHT_")]
    assert "NoNewPrivs:\t1" in status
    assert shared <= {"/dev/null"}


def seen_of(worker: int, server: int) -> tuple[list[str], str, set[str]]:
    """Names of a worker's variables, what Linux tells of it, and what it has open that the server has too: but for its
    standard error, a pipe whose other end the server reads."""
    environment = Path(f"/proc/{worker}/environ").read_bytes().decode().split("\0")
    status = Path(f"/proc/{worker}/status").read_text()
    shared = open_files(worker) & open_files(server) - {os.readlink(f"/proc/{worker}/fd/2")}
    return [variable.partition("=")[0] for variable in environment], status, shared


def open_files(pid: int) -> set[str]:
    """What a process has open, pipes and sockets by their number in the kernel."""
    folder = f"/proc/{pid}/fd"
    found = set()
    for name in os.listdir(folder):
        try:
            found.add(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:  # closed in between
            continue
    return {what for what in found if not what.startswith("anon_inode:")}
