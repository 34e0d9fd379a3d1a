"""Keeps lines of text before a change and compares them after it: for scripts that say all of what they look at."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from difflib import unified_diff
from pathlib import Path


def differences(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines that differ, as a unified diff with two lines around each; empty where none does."""
    return list(unified_diff(before, after, "before", "after", lineterm="", n=2))


def main(what: str | None, lines: Callable[[], Iterable[str]], arguments: Sequence[str] | None = None) -> int:
    """`keep FILE` or `compare FILE` over `lines`; `what` is the help. The exit status is 1 if any line differs."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("keep", "compare"))
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    file: Path = options.file
    if options.action == "keep":
        file.write_text("\n".join(lines()) + "\n")
        return 0
    now = list(lines())
    found = differences(file.read_text().splitlines(), now)
    print("\n".join(found) or f"no difference in {len(now)} lines")
    return 1 if found else 0
