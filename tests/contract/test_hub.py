"""Names on a hub, and where its cache lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.contract.checkpoints.hub import HubName, cache_folder, offline

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/name", HubName("org/name")),
        ("org/name@v1.0", HubName("org/name", "v1.0")),
        ("org/name@refs/pr/1", HubName("org/name", "refs/pr/1")),
        ("name", None),
        ("/srv/models/name", None),
        ("org/name@", None),
        ("a/b/c", None),
    ],
)
def test_a_name_has_an_owner_and_perhaps_a_revision(text: str, name: HubName | None) -> None:
    assert HubName.read(text) == name
    assert name is None or str(name) == text


def test_a_folder_of_that_name_is_meant_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert HubName.read("org/name") is None


def test_the_files_are_those_of_the_commit_that_the_revision_stood_for(tmp_path: Path) -> None:
    name = HubName("org/name")
    assert name.commit(tmp_path) is None
    assert name.snapshot(tmp_path) is None
    folder = tmp_path / "models--org--name"
    assert name.folder(tmp_path) == folder
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(f"{COMMIT}\n")
    assert name.snapshot(tmp_path) is None  # the reference is there and the files are not
    files = folder / "snapshots" / COMMIT
    files.mkdir(parents=True)
    assert name.snapshot(tmp_path) == files
    assert HubName("org/name", COMMIT).snapshot(tmp_path) == files
    assert name.snapshot(tmp_path, "f" * 40) is None


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, Path("/a")),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, Path("/b/hub")),
        ({"XDG_CACHE_HOME": "/c"}, Path("/c/huggingface/hub")),
        ({}, Path("~/.cache/huggingface/hub").expanduser()),
    ],
)
def test_the_cache_is_where_the_hubs_own_tools_have_it(variables: dict[str, str], folder: Path) -> None:
    assert cache_folder(variables) == folder


@pytest.mark.parametrize(("value", "is_offline"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_fetching_is_forbidden_by_a_word(value: str, is_offline: bool) -> None:
    assert offline({"HF_HUB_OFFLINE": value}) is is_offline
