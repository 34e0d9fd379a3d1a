"""Where a model's files are: the package, a folder, a file, or the hub's cache on this machine. Nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight import postcard
from safelight.contract.checkpoints.hub import DEFAULT_REVISION, HubName, cache_folder
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError, ModelLoadError

BUNDLED = "postcard"


@dataclass(frozen=True)
class ModelLocation:
    """A model on this disk. `path` is a folder in diffusers' layout or a single file; `name` is for people.

    `within` is the folder that none of its files may lead out of by a symbolic link.
    """

    path: Path
    name: str
    within: Path


def location_of(source: str, commit: str | None = None) -> ModelLocation:
    """Where the weights of a source are; `commit` is the one that a hub id is pinned to.

    Raises:
        ModelLoadError: they are not on this machine.
    """
    try:
        return _place_of(source, commit)
    except ConfigurationError as error:  # the user has no home folder
        raise ModelLoadError(str(error)) from error


def _place_of(source: str, commit: str | None) -> ModelLocation:
    if source == BUNDLED:
        weights = Path(postcard.__file__).parent / "weights"
        return ModelLocation(weights, BUNDLED, weights)
    name = HubName.read(source)
    if name is None:
        path = expanded(source, "Set `source`")
        return ModelLocation(path, path.stem if path.is_file() else path.name, _within(path))
    cache = cache_folder()
    snapshot = name.snapshot(cache, commit)
    if snapshot is None:
        which = name.repo if name.revision == DEFAULT_REVISION else f"Revision {name.revision} of {name.repo}"
        raise ModelLoadError(f"{which} is not on this machine. `safelight pull {name}` fetches it.")
    return ModelLocation(snapshot, name.repo, name.folder(cache))


def _within(path: Path) -> Path:
    """The folder itself, or for one in the hub's cache the repository's: its snapshots are links to its blobs."""
    folder = path if path.is_dir() else path.parent
    repository = folder.parent.parent
    in_cache = folder.parent.name == "snapshots" and (repository / "blobs").is_dir()
    return repository if in_cache else folder
