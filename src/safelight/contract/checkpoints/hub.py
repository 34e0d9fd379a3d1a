"""Models on a hub by name, and where its cache lies on this machine (https://huggingface.co/docs/huggingface_hub)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from safelight.contract.checkpoints.paths import expanded

_NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w][\w./-]*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
DEFAULT_REVISION = "main"


class HubName(msgspec.Struct, frozen=True):
    """`org/name`, or `org/name@revision` with a branch, a tag or a commit."""

    repo: str
    revision: str = DEFAULT_REVISION

    @classmethod
    def read(cls, text: str) -> HubName | None:
        """What a text names, None where it cannot be such a name. A folder of that name is meant first."""
        return None if Path(text).exists() else cls.spelled(text)

    @classmethod
    def spelled(cls, text: str) -> HubName | None:
        """What a text names, whatever lies in this folder."""
        found = _NAME.fullmatch(text)
        return None if found is None else cls(found["repo"], found["revision"] or DEFAULT_REVISION)

    def __str__(self) -> str:
        return self.repo if self.revision == DEFAULT_REVISION else f"{self.repo}@{self.revision}"

    def folder(self, cache: Path) -> Path:
        """The repository's folder in the cache: `blobs`, `refs` and `snapshots`."""
        return cache / f"models--{self.repo.replace('/', '--')}"

    def commit(self, cache: Path) -> str | None:
        """The commit that the revision stood for when it was fetched; None if it was not."""
        if _COMMIT.fullmatch(self.revision):
            return self.revision
        try:
            return (self.folder(cache) / "refs" / self.revision).read_text().strip()
        except OSError:
            return None

    def snapshot(self, cache: Path, commit: str | None = None) -> Path | None:
        """The folder of its files at a commit (None: the one that the revision stood for), if it is there."""
        chosen = commit or self.commit(cache)
        folder = self.folder(cache) / "snapshots" / chosen if chosen else None
        return folder if folder is not None and folder.is_dir() else None


def cache_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Where the hub's files are kept: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in the user's cache folder."""
    if variables.get("HF_HUB_CACHE"):
        return expanded(variables["HF_HUB_CACHE"], "Set HF_HUB_CACHE")
    if variables.get("HF_HOME"):
        return expanded(variables["HF_HOME"], "Set HF_HOME") / "hub"
    return expanded(variables.get("XDG_CACHE_HOME") or "~/.cache", "Set HF_HOME") / "huggingface" / "hub"


def offline(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether `HF_HUB_OFFLINE` forbids to fetch anything."""
    return variables.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
