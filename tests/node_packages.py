"""Node's packages as a folder's `package-lock.json` pins them, installed once and again only when that changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

_SECONDS = 300


def installed(folder: Path, who: str) -> str:
    """npm, with what `who` needs in `node_modules` of the folder; skips the test where there is no Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"{who} need node and npm, which this machine does not have (Debian: nodejs, npm)")
    lock = (folder / "package-lock.json").read_bytes()
    done = folder / "node_modules" / ".installed-from"
    # Beside the packages, not in them: `npm ci` begins by deleting the folder.
    with FileLock(folder / ".installing", timeout=_SECONDS):
        if not done.is_file() or done.read_bytes() != lock:
            ran = subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                cwd=folder,
                env=os.environ | {"NO_UPDATE_NOTIFIER": "1"},
                timeout=_SECONDS,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, f"npm could not install what {who} need:\n{ran.stderr}"
            done.write_bytes(lock)
    return npm
