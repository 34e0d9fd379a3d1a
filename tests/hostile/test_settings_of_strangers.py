"""A `safelight.toml` that somebody else may have put into the working directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILE = 'port = 9999\n[models.evil]\nsource = "postcard"\n'


def shown(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "safelight", "config", "show"],
        cwd=folder,
        env=environment | {"SAFELIGHT_HOME": str(folder / "home")} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir(mode=0o755)
    (folder / "safelight.toml").write_text(FILE)
    (folder / "safelight.toml").chmod(0o644)
    return folder


def test_our_own_file_is_read_and_named_once(folder: Path) -> None:
    ran = shown(folder)
    assert "9999" in ran.stdout
    assert ran.stderr.count(f"Settings are read from {folder / 'safelight.toml'}.") == 1


@pytest.mark.parametrize(("what", "mode"), [("folder", 0o777), ("folder", 0o1777), ("file", 0o666)])
def test_a_file_that_others_can_write_is_not_read_and_that_is_said(folder: Path, what: str, mode: int) -> None:
    (folder if what == "folder" else folder / "safelight.toml").chmod(mode)
    ran = shown(folder)
    assert ran.returncode == 0
    assert "9999" not in ran.stdout
    assert "evil" not in ran.stdout
    assert "is not read: other users can write" in ran.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, who alone can give a file to another user")
def test_a_file_of_another_user_is_not_read(folder: Path) -> None:
    os.chown(folder / "safelight.toml", 12345, 12345)
    ran = shown(folder)
    assert "9999" not in ran.stdout
    assert "is not read" in ran.stderr


def test_a_file_that_is_named_is_read_wherever_it_is(folder: Path) -> None:
    folder.chmod(0o777)
    ran = shown(folder, SAFELIGHT_CONFIG=str(folder / "safelight.toml"))
    assert "9999" in ran.stdout
    assert "Settings are read from" not in ran.stderr
