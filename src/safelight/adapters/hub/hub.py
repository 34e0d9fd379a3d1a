"""Fetching a model from a hub: what diffusers loads and nothing else, resumed where it was cut, every byte checked."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from huggingface_hub import hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers
from tqdm import tqdm

from safelight.adapters.hub.download import Large, bytes_per_second, download
from safelight.adapters.hub.listing import commit_of, files_in
from safelight.contract.checkpoint_files import (
    CONFIGURES,
    INDEX,
    INDEXES,
    LOOK_AT_PICTURES,
    MAX_CONFIGURATION_BYTES,
    PICKLED,
    is_part_name,
    one_variant,
    parts_of,
    read_json,
    variant_of,
)
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.contract.hub import HubName, cache_folder, offline

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 100_000
_AT_ONCE = 4  # files that are fetched beside each other


class Pulled(msgspec.Struct, frozen=True):
    """What is on the disk now: the commit, its folder, how many bytes it takes; `left_out` as an `Offer` says it."""

    name: HubName
    commit: str
    folder: Path
    size: int
    left_out: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """What a hub has of a model: its commit, and the files that diffusers loads. `folder` is where they will be.

    `left_out`: parts that are pickles alone, without which the model is served.
    """

    name: HubName
    commit: str
    folder: Path
    files: tuple[Large, ...]
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> int:
        """Bytes that are not on this disk yet."""
        return sum(max(0, file.size - file.came) for file in self.files)


def pull(name: HubName, *, variant: str | None = None, bars: bool = True) -> Pulled:
    """Fetch a model's files into the hub's cache, or what of them is not there yet.

    Raises:
        ConfigurationError, SafelightError: as `look_up` and `fetch` say.
    """
    return fetch(look_up(name, variant=variant), bars=bars)


def look_up(name: HubName, *, variant: str | None = None) -> Offer:
    """Which files make a model. Of them only its index is fetched.

    Raises:
        ConfigurationError: there is no such model or revision, it is not in diffusers' layout, or only pickles.
        SafelightError: the hub cannot be reached, or what it says cannot be.
    """
    if offline():
        raise ConfigurationError("HF_HUB_OFFLINE is set, so nothing is fetched. Unset it to pull.")
    endpoint = os.environ.get("HF_ENDPOINT") or None
    cache = cache_folder()
    with _explained(name):
        commit = _checked(commit_of(name.repo, name.revision, endpoint), _COMMIT, "commit")
        listed = islice(files_in(name.repo, commit, endpoint), _MOST_FILES)
        files = {entry.path: entry for entry in listed if _is_inside(entry.path)}
        indexes = [path for path in INDEXES if path in files]
        if not indexes:
            raise ConfigurationError(_no_layout(name, files))
        index = _blob(name, commit, files[indexes[0]], cache, endpoint)
        _fetch([index], shown=False)
        described = read_json(index.target)
        wanted = [indexes[0], *files_of(described, files, variant, name)]
        blobs = tuple(_blob(name, commit, files[path], cache, endpoint) for path in wanted)
    left_out = tuple(part for part in LOOK_AT_PICTURES if part in described and _is_pickled(part, files))
    return Offer(name, commit, name.folder(cache) / "snapshots" / commit, blobs, left_out)


def fetch(offer: Offer, *, bars: bool = True) -> Pulled:
    """Fetch what of an offer is not there yet. Whatever was cut goes on where it stopped.

    Raises:
        SafelightError: the hub cannot be reached, the disk is full, or what came is damaged.
    """
    with _explained(offer.name):
        cache = cache_folder()
        _check_space(cache, offer.missing)
        _fetch(offer.files, shown=bars)
        for file in offer.files:
            _link(offer.folder / file.name, file.target)
    _point(offer.name, cache, offer.commit)
    return Pulled(offer.name, offer.commit, offer.folder, offer.size, offer.left_out)


def expected_seconds(offer: Offer) -> float | None:
    """How long fetching what is missing will take, by how fast the first bytes of the largest file come just now.

    None: nothing came. What is seen here is thrown away: `fetch` says what is wrong.
    """
    largest = max(offer.files, key=lambda file: file.size)
    speed = bytes_per_second(largest, build_hf_headers())
    return offer.missing / speed if speed else None


def files_of(index: dict[str, Any], files: Any, variant: str | None, name: HubName) -> list[str]:
    """Which of a repository's files make the model: for each component its configuration and one set of weights.

    Raises:
        ConfigurationError: the weights of a component are pickles alone.
    """
    wanted = list[str]()
    for part, (library, _) in parts_of(index).items():
        if not is_part_name(part) or not library:
            continue
        inside = [path for path in files if path.startswith(f"{part}/")]
        weights = [path for path in inside if path.endswith(".safetensors")]
        if _is_pickled(part, files):
            if part in LOOK_AT_PICTURES:  # it is served without
                continue
            raise ConfigurationError(
                f"The weights of `{part}` in {name} are pickles alone, which can run any code when they are loaded. "
                "Look for a repository with safetensors, or convert them where you trust their origin."
            )
        _, chosen = one_variant(weights, variant)
        wanted += [path for path in inside if path.endswith(CONFIGURES) and not _index_of_another(path, chosen)]
        wanted += chosen
    return wanted


def _is_pickled(part: str, files: Any) -> bool:
    """Whether a part's weights are pickles alone."""
    inside = [path for path in files if path.startswith(f"{part}/")]
    return any(path.endswith(PICKLED) for path in inside) and not any(path.endswith(".safetensors") for path in inside)


def _index_of_another(path: str, chosen: list[str]) -> bool:
    """Whether a file is the list of shards of weights that are not fetched."""
    if ".safetensors.index." not in path and ".bin.index." not in path:
        return False
    variant = re.search(r"\.safetensors\.index\.(?:(\w+)\.)?json$", path)
    return variant is None or not any(variant_of(weights) == variant[1] for weights in chosen if "-of-" in weights)


def _no_layout(name: HubName, files: Any) -> str:
    single = [path for path in files if path.endswith((".safetensors", ".gguf")) and "/" not in path]
    hint = f" It has single files ({', '.join(single[:3])}): see docs/models.md, single files." if single else ""
    return f"{name} has no {INDEX}, so it is not in diffusers' layout.{hint}"


def _check_space(cache: Path, needed: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise SafelightError(
            f"The model takes {needed / 1e9:.1f} GB, and {cache} has {free / 1e9:.1f} GB free. HF_HOME names another "
            "place."
        )


def _blob(name: HubName, commit: str, entry: RepoFile, cache: Path, endpoint: str | None) -> Large:
    """A file of a repository. In the cache it is named by its SHA-256 if the hub keeps it apart, else by Git's name."""
    if entry.lfs is None and entry.size > MAX_CONFIGURATION_BYTES:
        raise SafelightError(f"{entry.path} has {entry.size} bytes, which no configuration has. It is not fetched.")
    kept_apart = None if entry.lfs is None else _checked(entry.lfs.sha256, _SHA256, "checksum")
    plain = None if kept_apart else _checked(entry.blob_id, _COMMIT, "checksum")
    return Large(
        name=entry.path,
        url=hf_hub_url(name.repo, entry.path, revision=commit, endpoint=endpoint),
        target=name.folder(cache) / "blobs" / (kept_apart or plain or ""),
        size=entry.size,
        sha256=kept_apart,
        git_sha1=plain,
    )


def _link(shown: Path, blob: Path) -> None:
    """A snapshot shows its files as links to what they are, as huggingface_hub lays its cache out."""
    shown.parent.mkdir(parents=True, exist_ok=True)
    if not shown.exists():
        shown.unlink(missing_ok=True)
        shown.symlink_to(os.path.relpath(blob, shown.parent))


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


def _fetch(files: Sequence[Large], *, shown: bool) -> None:
    """All of them, a few at a time; every one is tried before the first fault is raised."""
    headers = build_hf_headers()
    with (
        tqdm(total=sum(file.size for file in files), unit="B", unit_scale=True, disable=not shown, leave=True) as bar,
        ThreadPoolExecutor(_AT_ONCE) as threads,
    ):
        coming = [threads.submit(download, file, headers, bar.update) for file in files]
    for each in coming:
        each.result()


def _point(name: HubName, cache: Path, commit: str) -> None:
    """Note which commit the revision stands for, as the cache's layout has it."""
    if name.revision != commit:
        ref = name.folder(cache) / "refs" / name.revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit)


@contextmanager
def _explained(name: HubName) -> Iterator[None]:
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
