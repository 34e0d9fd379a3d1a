"""What is installed is pinned, hashed, small, and without a hole that is known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version
from scripts.audit import LOCKS, holes, lower_bounds, pinned

ROOT = Path(__file__).parent.parent
SETS = ("requirements/serve.txt", "requirements/test.txt")


@pytest.mark.parametrize("lock", LOCKS)
def test_no_locked_version_has_a_known_hole(lock: str) -> None:
    assert len(pinned(lock)) > 50
    assert list(holes(pinned(lock))) == []


def test_no_lower_bound_has_a_known_hole() -> None:
    assert list(holes(lower_bounds())) == []


def test_a_version_with_a_hole_is_named() -> None:
    (found,) = holes({"pillow": "11.2.1", "starlette": "1.0.0"})
    assert found.startswith("pillow 11.2.1 has CVE-2025-48379")


def test_lower_bounds_are_what_is_tested() -> None:
    """An older one may work, but nobody has seen it: with diffusers 0.37 nothing loaded. PyTorch's is the oldest that
    machines with a GPU come with, and is tried by scripts/gpu_check.sh alone."""
    locked = pinned("constraints.txt")
    for package, least in lower_bounds().items():
        if package != "torch":
            assert Version(least).release[:2] == Version(locked[package]).release[:2], package


@pytest.mark.parametrize("lock", SETS)
def test_every_package_has_its_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text().partition("\n#")[0])
    assert len(entries) > 50
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_both_sets_and_the_constraints_agree() -> None:
    constraints = pinned("constraints.txt")
    for lock in SETS:
        assert {
            name: version for name, version in pinned(lock).items() if constraints.get(name, version) != version
        } == {}
    assert set(pinned(SETS[0])) <= set(pinned(SETS[1]))


def test_a_cluster_is_an_extra() -> None:
    """`pip install safelight` brings neither Ray nor PostgreSQL's driver; the first alone is 240 MB."""
    extras = {"ray", "asyncpg", "grpcio", "fastapi"}
    assert extras <= set(pinned("requirements/test.txt"))
    assert extras & set(pinned("requirements/serve.txt")) == set()
    assert extras & set(lower_bounds()) == set()


def test_serving_installs_no_test_tools() -> None:
    tools = {"pytest", "mypy", "ruff", "litellm", "openai", "playwright", "schemathesis", "hypothesis", "torchao"}
    assert tools <= set(pinned("requirements/test.txt"))
    assert tools & set(pinned("requirements/serve.txt")) == set()
