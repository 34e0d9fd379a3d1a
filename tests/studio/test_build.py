"""The committed page is the source's, light, and strict enough for its policy."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.studio.conftest import STUDIO

BUILT = STUDIO.parent / "src" / "safelight" / "studio"
_MAX_SCRIPT_BYTES = 125_000
_OLDEST_NODE = (20, 19)


def _digest() -> str:
    """As `studio/build.ts` computes it: every source file's path, NUL, bytes, NUL, in the order of the paths."""
    left_out = ("node_modules", "tests")
    paths = sorted(
        path.relative_to(STUDIO).as_posix()
        for path in STUDIO.rglob("*")
        if path.is_file()
        and path.relative_to(STUDIO).parts[0] not in left_out
        and not any(part.startswith(".") for part in path.relative_to(STUDIO).parts)
    )
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.encode() + b"\0" + (STUDIO / path).read_bytes() + b"\0")
    return digest.hexdigest()


def test_the_committed_page_was_built_from_the_committed_source() -> None:
    built_from = (BUILT / "source.sha256").read_text().strip()
    assert built_from == _digest(), "The page's source has changed: `make studio` builds it again."


def test_all_scripts_together_are_light() -> None:
    scripts = list(BUILT.glob("assets/*.js"))
    assert scripts
    assert sum(len(gzip.compress(script.read_bytes())) for script in scripts) <= _MAX_SCRIPT_BYTES


def test_the_page_holds_no_inline_script_or_style_and_no_foreign_address() -> None:
    index = (BUILT / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", index)
    assert not re.search(r"<style|\bstyle=|\bon\w+=|https?:", index)
    assert set(re.findall(r'(?:src|href)="([^"]{2})', index)) == {"./"}


def test_the_licences_of_what_is_bundled_are_there() -> None:
    licences = (BUILT / "licenses.txt").read_text()
    for package in ("svelte", "bits-ui", "@lucide/svelte", "@fontsource-variable/instrument-sans"):
        assert re.search(rf"^{re.escape(package)} \d", licences, re.MULTILINE), package


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (STUDIO / "package-lock.json").read_text()


@pytest.fixture(scope="session")
def new_node(npm: str) -> str:
    """npm, where Node is new enough to build the page."""
    node = shutil.which("node")
    said = subprocess.run([node or "node", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2]) < _OLDEST_NODE:
        pytest.skip(
            f"Building the page needs Node {_OLDEST_NODE[0]}.{_OLDEST_NODE[1]}; this machine has {said.strip()}"
        )
    return npm


def _run(npm: str, *arguments: str) -> None:
    ran = subprocess.run([npm, *arguments], cwd=STUDIO, capture_output=True, text=True, timeout=170, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_building_again_gives_the_committed_bytes(new_node: str, tmp_path: Path) -> None:
    _run(new_node, "run", "build", "--", "--outDir", str(tmp_path / "built"))
    again = {path.relative_to(tmp_path / "built"): path.read_bytes() for path in (tmp_path / "built").rglob("*.*")}
    assert again == {path.relative_to(BUILT): path.read_bytes() for path in BUILT.rglob("*.*")}


def test_its_own_tests_pass(new_node: str) -> None:
    _run(new_node, "run", "test")


def test_its_types_hold(new_node: str) -> None:
    _run(new_node, "run", "check")
