"""A user without a name and a home folder, as `docker run --user 54321` makes one: a sentence, and no trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from benchmarks.server import free_port

from tests.cli.conftest import assert_sentence
from tests.e2e.drawing import wait_until

# A user namespace: nobody is called 54321 in it, and files are still read as before.
_NOBODY = ("unshare", "--user", "--map-user=54321", "--map-group=54321")


def _can_be_nobody() -> bool:
    return (
        shutil.which("unshare") is not None and subprocess.run([*_NOBODY, "true"], capture_output=True).returncode == 0
    )


pytestmark = pytest.mark.skipif(not _can_be_nobody(), reason="No user namespaces here (Linux; `unshare`)")


def command(*arguments: str) -> list[str]:
    return [*_NOBODY, sys.executable, "-P", "-m", "safelight", *arguments]


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"]} | variables


def as_nobody(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["list", "show org/name", "pull org/name", "rm org/name"])
def test_what_needs_the_hubs_cache_names_hf_home(tmp_path: Path, arguments: str) -> None:
    ran = as_nobody(tmp_path, *arguments.split(), SAFELIGHT_HOME=str(tmp_path / "home"))
    assert_sentence(ran, 2, "HF_HOME")


@pytest.mark.parametrize("arguments", ["config show", "env", "keys list", "serve --port 0", "generate boat", "models"])
def test_what_needs_the_state_folder_names_safelight_home(tmp_path: Path, arguments: str) -> None:
    assert_sentence(as_nobody(tmp_path, *arguments.split()), 2, "SAFELIGHT_HOME")


def test_a_model_of_the_hub_fails_with_the_reason_and_is_not_loading_for_ever(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        command("serve", "--model", "org/name", "--port", str(port)),
        cwd=tmp_path,
        env=environment(SAFELIGHT_HOME=str(tmp_path / "home")),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or "HF_HOME" in _readiness(port))
    finally:
        process.terminate()
        _, said = process.communicate(timeout=300)
    assert "HF_HOME" in said
    assert "Traceback" not in said


def _readiness(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=300).text
    except httpx.TransportError:
        return ""
