"""Says what of pictures, drawings and answers is another than it was.

    python -m tests.kept compare [PART ...]      with the files beside this one; exit status 1 if anything differs
    python -m tests.kept since REV [PART ...]    with what that revision makes on this machine
    python -m tests.kept keep [PART ...]         writes the files anew, for a change that CHANGELOG.md names

Parts: answers (of every route, and the OpenAPI document; 20 s), drawings (the renderer alone; 20 s), pictures (of a
real server, by every way in which they differ; 2 minutes). Pictures are the same on one kind of processor alone, and
with the same libraries: elsewhere `since` compares them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import torch

from safelight.engine.machine.device import processor_name
from tests.kept_lines import differences

HERE = Path(__file__).parent
_ROOT = HERE.parents[1]
_LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "pyvips-binary")


@dataclass(frozen=True)
class Part:
    """A script that says lines, a line each of what it looks at. `made_by` is what they depend on beside our code."""

    module: str
    lines: Callable[[], Iterable[str]]
    made_by: str = "any machine"


def _part(module: str, made_by: str = "any machine") -> Part:
    return Part(module, lambda: import_module(module).lines(), made_by)


def _of_this_machine() -> str:
    libraries = (f"{name} {version(name)}" for name in _LIBRARIES)
    return ", ".join((f"{processor_name()} ({torch.backends.cpu.get_cpu_capability()})", *libraries))


def parts() -> dict[str, Part]:
    """All of them, by name."""
    return {
        "answers": _part("tests.api.answers"),
        "drawings": _part("tests.postcard.digests"),
        "pictures": _part("tests.e2e.digests", _of_this_machine()),
    }


def keep(chosen: Mapping[str, Part], folder: Path = HERE) -> int:
    """Writes a file for each part."""
    for name, part in chosen.items():
        _file(folder, name).write_text("\n".join((f"# By {part.made_by}", *part.lines())) + "\n")
    return 0


def compare(chosen: Mapping[str, Part], folder: Path = HERE) -> int:
    """Prints what differs from the files; 1 if anything does, or was made by something else."""
    status = 0
    for name, part in chosen.items():
        by, *before = _file(folder, name).read_text().splitlines()
        if by != f"# By {part.made_by}":
            print(f"{name}: kept by{by.removeprefix('# By')}, and this is {part.made_by}: compare `since` a revision")
            status = 1
            continue
        status |= _said(name, before, list(part.lines()))
    return status


def since(revision: str, chosen: Mapping[str, Part]) -> int:
    """Prints what differs from what that revision makes here, in a copy of it."""
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "archive", revision], cwd=_ROOT, check=True, stdout=subprocess.PIPE).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as copy:
            copy.extractall(folder, filter="data")
        for name, part in chosen.items():
            file = Path(folder) / f"{name}.kept"
            command = [sys.executable, "-m", part.module, "keep", str(file)]
            path = os.pathsep.join((f"{folder}/src", folder))
            subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=True)
            status |= _said(name, file.read_text().splitlines(), list(part.lines()))
    return status


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.txt"


def _said(name: str, before: Sequence[str], now: Sequence[str]) -> int:
    found = differences(before, now)
    print(f"{name}: " + ("\n".join(found) or f"no difference in {len(now)} lines"))
    return 1 if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    known = parts()
    for action in ("compare", "since", "keep"):
        taken = actions.add_parser(action)
        if action == "since":
            taken.add_argument("revision")
        taken.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(known)}; default: all")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in known]:
        parser.error(f"there is no part {', '.join(unknown)}: {', '.join(known)}")
    chosen = {name: part for name, part in known.items() if name in (options.parts or known)}
    if options.action == "since":
        return since(options.revision, chosen)
    return {"compare": compare, "keep": keep}[options.action](chosen)


if __name__ == "__main__":
    raise SystemExit(main())
