"""What an operator does with a cluster, by the command line: sending hosts, and looking at them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from safelight import __version__
from safelight.adapters.ray.line.actor import renew_line
from tests.cluster.nodes import Nodes

_SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


class Operator:
    """A shell on a node of the cluster, with settings of its own."""

    def __init__(self, nodes: Nodes, folder: Path) -> None:
        self.folder = folder
        self._variables = {
            "RAY_ADDRESS": nodes.address,
            "SAFELIGHT_HOME": str(folder / "home"),
            "SAFELIGHT_CONFIG": str(folder / "safelight.toml"),
        }

    def write(self, least: int = 1, cpus: float = 1) -> None:
        """Settings with so many hosts that draw stripes."""
        kind = f'[hosts.stripes]\ngpus = 0\ncpus = {cpus}\nleast = {least}\nengine = "fake"\n'
        (self.folder / "safelight.toml").write_text(f'engine = "ray"\n{kind}')

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self._variables | variables
        return subprocess.run(
            [_SAFELIGHT, *arguments], capture_output=True, text=True, timeout=300, check=False, env=environment
        )

    def shown(self) -> dict[str, Any]:
        """What `safelight ps` says."""
        ran = self("ps", "--json")
        assert ran.returncode == 0, ran.stderr
        shown: dict[str, Any] = json.loads(ran.stdout)
        return shown


@pytest.fixture(scope="module")
def operator(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    yield Operator(nodes, tmp_path_factory.mktemp("operator"))
    nodes.remove(wait=False)


def test_hosts_are_sent_and_seen_and_what_did_not_change_is_left_alone(operator: Operator) -> None:
    operator.write(least=2)
    ran = operator("deploy")
    assert (ran.returncode, ran.stdout) == (0, "2 hosts run. `safelight ps` shows them.\n"), ran.stderr
    assert "stripes: 2 of 2 hosts run" in ran.stderr
    before = _replicas()
    assert len(before) == 2
    assert operator("deploy").returncode == 0
    assert _replicas() == before
    hosts = operator.shown()["seen"]["hosts"]
    assert (hosts["status"], [(kind["kind"], kind["running"]) for kind in hosts["kinds"]]) == (
        "RUNNING",
        [("stripes", 2)],
    )


def test_a_line_of_another_version_begins_anew_and_one_of_this_goes_on(operator: Operator) -> None:
    operator.write(least=2)
    assert operator("deploy").returncode == 0
    before = operator.shown()["seen"]["line"]
    assert before["version"] == __version__
    assert renew_line(__version__) is False
    since = monotonic()
    assert renew_line("0.0.1") is True
    after = operator.shown()["seen"]["line"]
    assert after["version"] == __version__
    assert after["age_seconds"] <= monotonic() - since, "it is the one that there was"


def test_what_the_cluster_has_no_room_for_is_said(operator: Operator) -> None:
    operator.write(cpus=100)
    ran = operator("deploy", "--wait", "20")  # Serve says why within a second or two, where the machine is free
    assert ran.returncode == 1
    assert "After 20 s not every host runs, and Serve goes on trying. stripes: " in ran.stderr
    assert "Free in the cluster: CPU " in ran.stderr
    operator.write()
    mended = operator("deploy", "--wait", "300")
    assert mended.returncode == 0, mended.stderr


def test_whoever_has_another_token_or_no_node_is_told_so(operator: Operator) -> None:
    operator.write()
    for variables in ({"RAY_AUTH_TOKEN": "x" * 64}, {"RAY_ADDRESS": "127.0.0.1:1"}):
        ran = operator("deploy", **variables)
        assert ran.returncode == 2
        assert "safelight: The Ray cluster cannot be reached at " in ran.stderr
        assert "`ray start --address=HEAD:6379 --num-cpus=0`, with the token of the cluster" in ran.stderr
        assert "Traceback" not in ran.stderr


def _replicas() -> set[str]:
    from ray.util import list_named_actors

    return {each["name"] for each in list_named_actors(all_namespaces=True) if "REPLICA" in each["name"]}
