"""Whether a locked version, or a lower bound, is one with a known hole: `python scripts/audit.py`. It needs no network.

Exit status 1 names each. What is known stands in `scripts/advisories.toml`, which is kept by hand and is not complete.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = ("constraints.txt", "requirements/serve.txt", "requirements/test.txt")
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.M)


@dataclass(frozen=True)
class Advisory:
    """One hole: which versions of which package have it (PEP 440)."""

    package: str
    id: str
    versions: SpecifierSet
    what: str


def advisories() -> tuple[Advisory, ...]:
    """All that are known."""
    found = tomllib.loads((ROOT / "scripts" / "advisories.toml").read_text())["advisory"]
    return tuple(Advisory(a["package"], a["id"], SpecifierSet(a["versions"]), a["what"]) for a in found)


def pinned(lock: str) -> dict[str, str]:
    """Version by package, of a file in pip's format."""
    return {canonicalize_name(name): version for name, version in _PINNED.findall((ROOT / lock).read_text())}


def lower_bounds() -> dict[str, str]:
    """The least version of each package that `pyproject.toml` allows users to install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["models"]]
    found = {}
    for requirement in map(Requirement, texts):
        least = [bound.version for bound in requirement.specifier if bound.operator in (">=", "==")]
        found[str(canonicalize_name(requirement.name))] = least[0] if least else "0"
    return found


def holes(versions: dict[str, str]) -> Iterator[str]:
    """A sentence for each version that is known to have a hole."""
    for advisory in advisories():
        version = versions.get(advisory.package)
        if version is not None and advisory.versions.contains(version, prereleases=True):
            yield f"{advisory.package} {version} has {advisory.id}: {advisory.what}."


def main() -> int:
    """Print what was found; the exit status."""
    found = [f"{lock}: {hole}" for lock in LOCKS for hole in holes(pinned(lock))]
    found += [f"pyproject.toml allows: {hole}" for hole in holes(lower_bounds())]
    print("\n".join(found) or f"No version is on the list of {len(advisories())} known holes.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
