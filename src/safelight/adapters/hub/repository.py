"""A repository on a hub: its commit, its files, and what is fetched of them; the hub's errors as sentences."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx
from huggingface_hub import hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

from safelight.adapters.hub.download import Large
from safelight.adapters.hub.listing import commit_of, files_in
from safelight.contract.checkpoints.checkpoint_files import MAX_CONFIGURATION_BYTES
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.errors import ConfigurationError, SafelightError

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 100_000


@dataclass(frozen=True)
class Repository:
    """What a hub says of one: its commit, and its files by their paths."""

    name: HubName
    commit: str
    files: dict[str, RepoFile]

    @classmethod
    def ask(cls, name: HubName) -> Repository:
        """Raises ConfigurationError, SafelightError: as `look_up` says."""
        endpoint = _endpoint()
        with explained(name):
            commit = _checked(commit_of(name.repo, name.revision, endpoint), _COMMIT, "commit")
            listed = islice(files_in(name.repo, commit, endpoint), _MOST_FILES)
            return cls(name, commit, {entry.path: entry for entry in listed if _is_inside(entry.path)})

    def blob(self, path: str, kept: Path, shown: str | None = None) -> Large:
        """A file of it: in the cache named by its SHA-256 if the hub keeps it apart, else by Git's name. The model's
        folder calls it `shown`."""
        entry = self.files[path]
        if entry.lfs is None and entry.size > MAX_CONFIGURATION_BYTES:
            raise SafelightError(f"{path} has {entry.size} bytes, which no configuration has. It is not fetched.")
        kept_apart = None if entry.lfs is None else _checked(entry.lfs.sha256, _SHA256, "checksum")
        plain = None if kept_apart else _checked(entry.blob_id, _COMMIT, "checksum")
        return Large(
            name=shown or path,
            url=hf_hub_url(self.name.repo, path, revision=self.commit, endpoint=_endpoint()),
            target=kept / (kept_apart or plain or ""),
            size=entry.size,
            sha256=kept_apart,
            git_sha1=plain,
        )


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _checked(text: str, form: re.Pattern[str], what: str) -> str:
    """What a hub says and a path is made of.

    Raises:
        SafelightError: it is not of that form.
    """
    if form.fullmatch(text) is None:
        raise SafelightError(f"The hub's answer has a {what} that is none, so nothing is fetched from it.")
    return text


def _is_inside(path: str) -> bool:
    """Whether a file of a repository lies in it, and not above or at an absolute path."""
    return not path.startswith("/") and "\\" not in path and not {"..", ".", ""} & set(path.split("/"))


@contextmanager
def explained(name: HubName) -> Iterator[None]:
    """The hub's errors as sentences."""
    try:
        yield
    except GatedRepoError:
        raise ConfigurationError(
            f"{name.repo} is behind terms that its authors want accepted: accept them on its page, then give a token "
            "in HF_TOKEN."
        ) from None
    except RevisionNotFoundError:
        raise ConfigurationError(f"{name.repo} has no revision {name.revision!r}.") from None
    except RepositoryNotFoundError:
        raise ConfigurationError(
            f"There is no model {name.repo}, or it is private; a token in HF_TOKEN shows private ones."
        ) from None
    except HfHubHTTPError as error:
        raise SafelightError(
            f"The hub answered {error.response.status_code} for {name.repo}. Try again later."
        ) from None
    except (httpx.HTTPError, OSError) as error:
        raise SafelightError(
            f"{name.repo} could not be fetched whole ({type(error).__name__}). What came is kept: "
            f"`safelight pull {name}` goes on from there."
        ) from None
