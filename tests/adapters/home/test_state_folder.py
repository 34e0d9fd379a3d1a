"""The state folder and the small files in it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore
from safelight.adapters.home import state_folder
from safelight.contract.errors import ConfigurationError
from safelight.service.access.keys import Keys


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    state_folder.prepare(home)
    assert mode_of(home) == 0o700
    assert os.listdir(home) == []


def test_a_file_in_its_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigurationError, match="a file is in its way"):
        state_folder.prepare(tmp_path / "home")


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do() -> None:
    # /proc takes no files, not even from root.
    with pytest.raises(ConfigurationError, match=r"cannot be written.*SAFELIGHT_HOME"):
        state_folder.prepare(Path("/proc/self"))


async def test_the_first_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    keys = Keys(MemoryKeyStore())
    text = await state_folder.first_key(tmp_path, keys)
    assert text is not None
    assert state_folder.read_key(tmp_path) == text
    assert mode_of(tmp_path / "key") == 0o600
    assert (await keys.authenticate(text)).name == "first key"
    assert await state_folder.first_key(tmp_path, keys) is None
    assert state_folder.read_key(tmp_path) == text


async def test_revoking_the_only_key_makes_no_new_one(tmp_path: Path) -> None:
    keys = Keys(MemoryKeyStore())
    minted = await keys.create()
    await keys.revoke(minted.record.id)
    assert await state_folder.first_key(tmp_path, keys) is None


async def test_the_lock_is_waited_for_and_then_given_up_with_a_sentence(tmp_path: Path) -> None:
    async with state_folder.locked(tmp_path):
        with pytest.raises(ConfigurationError, match="Another Safelight process has held"):
            async with state_folder.locked(tmp_path, seconds=0.05):
                pass
    async with state_folder.locked(tmp_path, seconds=0.05):
        pass


def test_no_key_is_none_and_a_key_that_is_no_text_is_said(tmp_path: Path) -> None:
    assert state_folder.read_key(tmp_path) is None
    assert state_folder.read_key(tmp_path / "nowhere") is None
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        state_folder.read_key(tmp_path)


def test_a_running_server_is_found_and_one_that_died_is_not(tmp_path: Path) -> None:
    assert state_folder.served_url(tmp_path) is None
    state_folder.announce(tmp_path, "http://127.0.0.1:1")
    assert state_folder.served_url(tmp_path) == "http://127.0.0.1:1"
    state_folder.withdraw(tmp_path)
    assert state_folder.served_url(tmp_path) is None
    script = (
        "import sys; from pathlib import Path; from safelight.adapters.home.state_folder import announce\n"
        "announce(Path(sys.argv[1]), 'http://127.0.0.1:2')"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert (tmp_path / "server").exists()
    assert state_folder.served_url(tmp_path) is None


def test_another_servers_note_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "server").write_text(f"{os.getppid()} http://127.0.0.1:3\n")
    state_folder.withdraw(tmp_path)
    assert state_folder.served_url(tmp_path) == "http://127.0.0.1:3"
