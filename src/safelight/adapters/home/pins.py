"""Which commit of each pulled model is served: a small file in the state folder."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

from pathlib import Path

import msgspec

from safelight.adapters.home.atomic_file import write_whole
from safelight.contract.checkpoints.hub import HubName
from safelight.contract.errors import ConfigurationError

_FILE = "pulled.json"


class Pin(msgspec.Struct, frozen=True):
    """A pull: the commit that its revision stood for then, and when (Unix seconds)."""

    commit: str
    pulled: int


def read_pins(home: Path) -> dict[str, Pin]:
    """Every pull, by its name as it was given.

    Raises:
        ConfigurationError: the file is not as `pull` writes it.
    """
    path = home / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Pin])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}. Delete it and pull again.") from None


def write_pins(home: Path, pins: dict[str, Pin]) -> None:
    """Keep these and no other."""
    write_whole(home / _FILE, msgspec.json.format(msgspec.json.encode(pins), indent=2))


def pinned_commit(home: Path, source: str) -> str | None:
    """The commit that a source is pinned to, None for one that is not on the hub or was never pulled."""
    name = HubName.read(source)
    pin = None if name is None else read_pins(home).get(str(name))
    return None if pin is None else pin.commit
