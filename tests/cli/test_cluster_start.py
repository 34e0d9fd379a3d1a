"""A server over a cluster: what it refuses to start without, and that a server without one knows nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from safelight import __version__
from safelight.bootstrap.engines.cluster import cluster_of, token_is_known
from safelight.contract.errors import ConfigurationError
from safelight.protocol.cluster.deploying import Cluster, from_arguments, to_arguments
from safelight.settings import read_settings
from tests.cli.conftest import InProcess, assert_sentence

_HOSTS = json.dumps({"cpu": {"gpus": 0, "most": 3, "engine": "fake"}})
# In a process of its own: Ray warns of itself, and warnings are errors here.
_READ_BY_SERVE = """
import sys
from ray.serve.schema import ServeDeploySchema
config = ServeDeploySchema.model_validate_json(sys.stdin.read())
(application,) = config.applications
print(config.proxy_location.value, application.name, application.route_prefix)
"""
_ON_RAY = {"SAFELIGHT_ENGINE": "ray", "SAFELIGHT_HOSTS": _HOSTS}


@pytest.fixture(autouse=True)
def no_token_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("mode", [{}, {"RAY_AUTH_MODE": "disabled"}], ids=["unset", "disabled"])
def test_a_cluster_that_everybody_may_join_is_refused(quick: InProcess, mode: dict[str, str]) -> None:
    ran = quick("serve", "--port", "0", **_ON_RAY, **mode)
    assert_sentence(ran, 2, "can run any code on its machines", "Set RAY_AUTH_MODE=token")
    assert "serves" not in ran.stderr


def test_a_token_that_is_not_here_is_said(quick: InProcess) -> None:
    ran = quick("serve", "--port", "0", **_ON_RAY, RAY_AUTH_MODE="token")
    assert_sentence(ran, 2, "the token of the cluster is not here", "RAY_AUTH_TOKEN_PATH")


def test_a_token_is_found_where_ray_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not token_is_known()
    kept = tmp_path / ".ray" / "auth_token"
    kept.parent.mkdir()
    kept.write_text("secret\n")
    assert token_is_known()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "gone"))
    assert not token_is_known()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    assert token_is_known()


def test_a_cluster_without_a_kind_of_host_is_refused(quick: InProcess) -> None:
    assert_sentence(quick("serve", "--port", "0", "--engine", "ray"), 2, "no table says what draws")


def test_hosts_are_told_the_models_and_how_to_draw() -> None:
    said = read_settings({"hosts": json.loads(_HOSTS), "max_runs": 3, "fake_capacity": 1, "merge": "off"})
    cluster = from_arguments(json.loads(json.dumps(to_arguments(cluster_of(said)))))
    assert isinstance(cluster, Cluster)
    assert (cluster.kinds["cpu"].least, cluster.kinds["cpu"].most, cluster.kinds["cpu"].fake) == (1, 3, True)
    assert [spec.source for spec in cluster.configure.models] == ["postcard"]
    assert (cluster.configure.max_runs, cluster.configure.merge, cluster.fake_capacity) == (3, False, 1)
    with pytest.raises(ConfigurationError, match=r"No table \[hosts.KIND\] says what draws"):
        cluster_of(read_settings())


def test_serve_itself_takes_what_a_dry_run_prints(quick: InProcess) -> None:
    ran = quick("deploy", "--dry-run", SAFELIGHT_HOSTS=_HOSTS)
    assert (ran.returncode, ran.stderr) == (0, "")
    config = msgspec.yaml.decode(ran.stdout.encode())
    read = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _READ_BY_SERVE], input=json.dumps(config), capture_output=True, text=True
    )
    assert (read.returncode, read.stdout) == (0, "Disabled safelight None\n"), read.stderr
    (application,) = config["applications"]
    assert application["args"]["version"] == __version__
    assert from_arguments(application["args"]) == cluster_of(read_settings({"hosts": json.loads(_HOSTS)}))


def test_nothing_is_sent_without_hosts_or_the_token(quick: InProcess) -> None:
    assert_sentence(quick("deploy"), 2, "No table [hosts.KIND] says what draws")
    assert_sentence(quick("deploy", SAFELIGHT_HOSTS=_HOSTS), 2, "Set RAY_AUTH_MODE=token")


def test_a_server_without_a_cluster_imports_nothing_of_one() -> None:
    program = "import sys, safelight.bootstrap.serve; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    loaded = set(ran.stdout.split())
    assert "safelight.bootstrap.serve" in loaded
    foreign = ("ray", "grpc", "asyncpg", "safelight.adapters.ray", "safelight.bootstrap.engines.cluster")
    assert [name for name in loaded if name.startswith(foreign)] == []
