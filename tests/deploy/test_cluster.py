"""The containers of a cluster: compose takes its file, what it names is there, and the balancers take theirs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from safelight.settings import Settings
from safelight.settings.sources import PREFIX
from tests.deploy.test_shipping import ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
CADDY = ROOT / "deploy" / "cluster" / "Caddyfile"
NGINX = ROOT / "deploy" / "cluster" / "nginx.conf"
# What the client of the object store reads.
_STORE = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


@pytest.fixture
def compose() -> dict[str, Any]:
    return cast(dict[str, Any], YAML(typ="safe").load(COMPOSE))


def dockerfile(instruction: str) -> list[str]:
    """What stands behind each instruction of that name, with its continued lines."""
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    return re.findall(rf"^{instruction}\s+(.+)$", joined, re.M)


def test_the_file_is_a_compose_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_variable_of_a_server_is_a_setting_or_the_stores(compose: dict[str, Any]) -> None:
    services = [service for name, service in compose["services"].items() if name.startswith("api-")]
    assert len(services) == 2
    for service in services:
        names = set(service["environment"])
        ours = {name.removeprefix(PREFIX).lower() for name in names if name.startswith(PREFIX)}
        assert ours <= set(Settings.model_fields)
        assert {name for name in names if not name.startswith(PREFIX)} == _STORE
        assert service["read_only"]
    assert services[0]["volumes"] != services[1]["volumes"]  # a state folder is one server's
    drain = float(services[0]["environment"]["SAFELIGHT_DRAIN_SECONDS"])
    assert float(services[0]["stop_grace_period"].removesuffix("s")) > drain


def test_what_waits_for_another_can_see_that_it_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    image_has_check = bool(dockerfile("HEALTHCHECK"))
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                has_check = "healthcheck" in services[other] or (image_has_check and "build" in services[other])
                assert has_check, f"{name} waits for {other}, of which nobody can tell that it is healthy"
    assert [name for name, service in services.items() if "ports" in service] == ["balancer"]


@pytest.mark.parametrize("file", [CADDY, NGINX], ids=lambda path: path.name)
def test_a_balancer_names_the_servers_and_the_port_that_there_are(file: Path, compose: dict[str, Any]) -> None:
    (port,) = dockerfile("EXPOSE")
    named = set(re.findall(r"\b(api-\d+):(\d+)", file.read_text()))
    assert named == {(name, port) for name in compose["services"] if name.startswith("api-")}
    listening = re.search(r"^(?::|\s+listen )(\d+)", file.read_text(), re.M)
    assert listening is not None
    assert compose["services"]["balancer"]["ports"][0].endswith(f":{listening[1]}")


def test_caddy_takes_its_file() -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("Caddy is missing: Debian's package caddy has it")
    said = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", str(CADDY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is missing: Debian's package nginx-light has it")
    # The names of the servers are known inside the containers' network alone.
    (tmp_path / "part.conf").write_text(re.sub(r"api-\d+:", "127.0.0.1:", NGINX.read_text()))
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/part.conf; }}"
    )
    said = subprocess.run([nginx, "-t", "-c", str(whole)], capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr


def test_the_image_runs_without_root_and_without_what_builds() -> None:
    _, build, final = DOCKERFILE.read_text().split("\nFROM ")
    assert final.startswith("python:3.12-slim-bookworm\n")
    assert "pip install" in build
    assert not re.search(r"pip install|apt-get|gcc|build-essential", final)
    assert dockerfile("USER") == ["10001:10001"]
    assert dockerfile("VOLUME") == ["/data"]
    assert "SAFELIGHT_HOME=/data" in dockerfile("ENV")[-1]
    entry, command = json.loads(dockerfile("ENTRYPOINT")[0]), json.loads(dockerfile("CMD")[-1])
    assert [*entry, *command[:1]] == ["safelight", "serve"]
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.M):
        for source in copied.split():
            assert (ROOT / source).exists()
            assert f"!{source.split('/')[0]}\n" in (ROOT / ".dockerignore").read_text()
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)$", DOCKERFILE.read_text(), re.M)
    assert f"\n{extras} = [" in (ROOT / "pyproject.toml").read_text()
