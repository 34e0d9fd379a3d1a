"""Fetching a model from a hub: what diffusers loads and nothing else, resumed where it was cut, every byte checked."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from huggingface_hub.utils._headers import build_hf_headers
from tqdm import tqdm

from safelight.adapters.hub.contents import (
    files_of,
    files_of_encoder,
    files_of_part,
    is_pickled,
    no_layout,
    parts_elsewhere,
)
from safelight.adapters.hub.download import Large, bytes_per_second, download
from safelight.adapters.hub.repository import Repository, explained
from safelight.contract.checkpoints.checkpoint_files import (
    INDEXES,
    LOOK_AT_PICTURES,
    MODULES,
    PART_CONFIG,
    is_controlnet,
    read_json,
)
from safelight.contract.checkpoints.classifiers import labels_of
from safelight.contract.checkpoints.hub import HubName, cache_folder, offline
from safelight.contract.errors import ConfigurationError, SafelightError

_MOST_REPOSITORIES = 16  # from which one model takes its parts
_AT_ONCE = 4  # files that are fetched beside each other


class Pulled(msgspec.Struct, frozen=True):
    """What is on the disk now: the commit, its folder, how many bytes it takes; the rest as an `Offer` says it."""

    name: HubName
    commit: str
    folder: Path
    size: int
    left_out: tuple[str, ...] = ()
    draws: bool = True


class Offer(msgspec.Struct, frozen=True):
    """What a hub has of a model: its commit, and the files that are loaded. `folder` is where they will be.

    `left_out`: parts that are pickles alone, without which the model is served. Without `draws` it is a sentence
    encoder, a ControlNet or an image classifier.
    """

    name: HubName
    commit: str
    folder: Path
    files: tuple[Large, ...]
    left_out: tuple[str, ...] = ()
    draws: bool = True

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
    """Which files make a model, or a sentence encoder, ControlNet or image classifier. Only its index is fetched.

    Raises:
        ConfigurationError: there is no such model or revision, it is not in diffusers' layout, or only pickles.
        SafelightError: the hub cannot be reached, or what it says cannot be.
    """
    if offline():
        raise ConfigurationError("HF_HUB_OFFLINE is set, so nothing is fetched. Unset it to pull.")
    kept = name.folder(cache_folder()) / "blobs"
    own = Repository.ask(name)
    index_name = next((path for path in (*INDEXES, MODULES, PART_CONFIG) if path in own.files), None)
    if index_name is None:
        raise ConfigurationError(no_layout(name, own.files))
    index = own.blob(index_name, kept)
    with explained(name):
        _fetch([index], shown=False)
        described = read_json(index.target)
    draws = index_name in INDEXES
    wanted = _files(index_name, described, own, variant, name)
    blobs = [index, *(own.blob(path, kept) for path in wanted)]
    left_out = tuple(part for part in LOOK_AT_PICTURES if draws and part in described and is_pickled(part, own.files))
    if draws:
        blobs += _from_elsewhere(described, own, variant, kept)
    return Offer(name, own.commit, kept.parent / "snapshots" / own.commit, tuple(blobs), left_out, draws)


def _files(index_name: str, described: Any, own: Repository, variant: str | None, name: HubName) -> Sequence[str]:
    """What belongs to a model beside its index, by what kind of index that is."""
    if index_name in INDEXES:
        return files_of(described, own.files, variant, name)
    if index_name == MODULES:
        return files_of_encoder(described, own.files, variant, name)
    if not is_controlnet(described) and not labels_of(described):
        raise ConfigurationError(no_layout(name, own.files))
    return [path for path in files_of_part("", own.files, variant, name) if path != PART_CONFIG]


def _from_elsewhere(index: dict[str, Any], own: Repository, variant: str | None, kept: Path) -> Iterator[Large]:
    """The files of parts that an index takes from another repository, or from another folder of this one.

    They are kept with this model's: its folder is then whole, and `safelight rm` frees all of it.
    """
    asked = {own.name.repo: own}
    for part, (name, source) in parts_elsewhere(index, own.files).items():
        if name is None:
            continue  # a path of whoever saved it
        which = name.repo if name.repo == own.name.repo else str(name)
        if which not in asked and len(asked) > _MOST_REPOSITORIES:
            raise ConfigurationError(f"{own.name} takes its parts from more than {_MOST_REPOSITORIES} repositories.")
        try:
            there = asked[which] if which in asked else asked.setdefault(which, Repository.ask(name))
            wanted = files_of_part(source.subfolder, there.files, variant or source.variant, name)
        except ConfigurationError as error:
            raise ConfigurationError(f"`{part}` of {own.name} comes from {name}. {error}") from None
        if not wanted:
            raise ConfigurationError(
                f"`{part}` of {own.name} comes from {name}. There is nothing of it in {source.subfolder or 'its root'}."
            )
        below = f"{source.subfolder}/" if source.subfolder else ""
        yield from (there.blob(path, kept, shown=f"{part}/{path.removeprefix(below)}") for path in wanted)


def fetch(offer: Offer, *, bars: bool = True) -> Pulled:
    """Fetch what of an offer is not there yet. Whatever was cut goes on where it stopped.

    Raises:
        SafelightError: the hub cannot be reached, the disk is full, or what came is damaged.
    """
    with explained(offer.name):
        cache = cache_folder()
        _check_space(cache, offer.missing)
        _fetch(offer.files, shown=bars)
        for file in offer.files:
            _link(offer.folder / file.name, file.target)
    _point(offer.name, cache, offer.commit)
    return Pulled(offer.name, offer.commit, offer.folder, offer.size, offer.left_out, offer.draws)


def expected_seconds(offer: Offer) -> float | None:
    """How long fetching what is missing will take, by how fast the first bytes of the largest file come just now.

    None: nothing came. What is seen here is thrown away: `fetch` says what is wrong.
    """
    largest = max(offer.files, key=lambda file: file.size)
    speed = bytes_per_second(largest, build_hf_headers())
    return offer.missing / speed if speed else None


def _check_space(cache: Path, needed: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise SafelightError(
            f"The model takes {needed / 1e9:.1f} GB, and {cache} has {free / 1e9:.1f} GB free. HF_HOME names another "
            "place."
        )


def _link(shown: Path, blob: Path) -> None:
    """A snapshot shows its files as links to what they are, as huggingface_hub lays its cache out."""
    shown.parent.mkdir(parents=True, exist_ok=True)
    if not (shown.exists() and shown.resolve() == blob.resolve()):  # another repository's part may have moved on
        shown.unlink(missing_ok=True)
        shown.symlink_to(os.path.relpath(blob, shown.parent))


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
