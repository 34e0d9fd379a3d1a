"""Fetching a model from a hub: what diffusers loads and nothing else, resumed where it was cut, every byte checked."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from huggingface_hub import HfApi, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from tqdm import tqdm

from safelight.adapters.download import Large, download
from safelight.contract.checkpoint_files import (
    CONFIGURES,
    INDEX,
    LOOK_AT_PICTURES,
    PICKLED,
    is_part_name,
    one_variant,
    variant_of,
)
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.contract.hub import HubName, cache_folder, offline

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 100_000
_AT_ONCE = 4  # files that are fetched beside each other


class Pulled(msgspec.Struct, frozen=True):
    """What is on the disk now: the commit, its folder, how many bytes it takes."""

    name: HubName
    commit: str
    folder: Path
    size: int


def pull(name: HubName, *, variant: str | None = None, bars: bool = True) -> Pulled:
    """Fetch a model's files into the hub's cache, or what of them is not there yet.

    Raises:
        ConfigurationError: there is no such model or revision, it is not in diffusers' layout, or only pickles.
        SafelightError: the hub cannot be reached, the disk is full, or what came is damaged.
    """
    if offline():
        raise ConfigurationError("HF_HUB_OFFLINE is set, so nothing is fetched. Unset it to pull.")
    endpoint = os.environ.get("HF_ENDPOINT") or None
    cache = cache_folder()
    with _explained(name):
        api = HfApi(endpoint=endpoint)
        commit = _checked(str(api.model_info(name.repo, revision=name.revision).sha), _COMMIT, "commit")
        tree = api.list_repo_tree(name.repo, revision=commit, recursive=True)
        listed = islice((entry for entry in tree if isinstance(entry, RepoFile)), _MOST_FILES)
        files = {entry.path: entry for entry in listed if _is_inside(entry.path)}
        if INDEX not in files:
            raise ConfigurationError(_no_layout(name, files))
        with _quiet():
            index = hf_hub_download(name.repo, INDEX, revision=commit, cache_dir=cache, endpoint=endpoint)
        wanted = files_of(msgspec.json.decode(Path(index).read_bytes()), files, variant, name)
        _check_space(cache, sum(files[path].size for path in wanted))
        large = [_large(name, commit, files[path], cache, endpoint) for path in wanted if files[path].lfs is not None]
        _fetch(large, shown=bars)
        # The small ones, and the links by which a snapshot shows both kinds.
        with _quiet():
            folder = snapshot_download(
                name.repo,
                revision=commit,
                cache_dir=cache,
                endpoint=endpoint,
                allow_patterns=[re.sub(r"([*?[])", r"[\1]", path) for path in wanted],
            )
    for path in wanted:
        if files[path].lfs is None:
            _verify(Path(folder) / path, files[path])
    _point(name, cache, commit)
    return Pulled(name, commit, Path(folder), sum(files[path].size for path in wanted))


def files_of(index: dict[str, Any], files: Any, variant: str | None, name: HubName) -> list[str]:
    """Which of a repository's files make the model: for each component its configuration and one set of weights.

    Raises:
        ConfigurationError: the weights of a component are pickles alone.
    """
    wanted = [INDEX]
    for part, value in index.items():
        if not is_part_name(part) or not (isinstance(value, list) and len(value) == 2 and value[0]):
            continue
        inside = [path for path in files if path.startswith(f"{part}/")]
        weights = [path for path in inside if path.endswith(".safetensors")]
        if not weights and any(path.endswith(PICKLED) for path in inside):
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


def _large(name: HubName, commit: str, entry: RepoFile, cache: Path, endpoint: str | None) -> Large:
    """A file that the hub keeps apart; in the cache it is named by its SHA-256."""
    assert entry.lfs is not None
    return Large(
        name=entry.path,
        url=hf_hub_url(name.repo, entry.path, revision=commit, endpoint=endpoint),
        target=name.folder(cache) / "blobs" / _checked(entry.lfs.sha256, _SHA256, "checksum"),
        size=entry.size,
        sha256=entry.lfs.sha256,
    )


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


def _fetch(files: list[Large], *, shown: bool) -> None:
    """All of them, a few at a time; every one is tried before the first fault is raised."""
    headers = build_hf_headers()
    with (
        tqdm(total=sum(file.size for file in files), unit="B", unit_scale=True, disable=not shown, leave=True) as bar,
        ThreadPoolExecutor(_AT_ONCE) as threads,
    ):
        coming = [threads.submit(download, file, headers, bar.update) for file in files]
    for each in coming:
        each.result()


def _verify(path: Path, entry: RepoFile) -> None:
    """Compare a small file with what the hub says of it: Git's own SHA-1 (gitformat-loose, "blob <size>")."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    digest.update(path.read_bytes())
    if digest.hexdigest() != entry.blob_id:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise SafelightError(f"{entry.path} came damaged: its checksum is not the hub's. It is deleted; pull again.")


def _point(name: HubName, cache: Path, commit: str) -> None:
    """Note which commit the revision stands for, as the cache's layout has it."""
    if name.revision != commit:
        ref = name.folder(cache) / "refs" / name.revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars of huggingface_hub: ours has shown all that takes time."""
    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


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
