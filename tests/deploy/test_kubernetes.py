"""The chart for Kubernetes: Helm takes it, Kubernetes' schemas hold, and what it says of Safelight is true."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from typer.testing import CliRunner

from safelight.cli.app import app
from safelight.settings import Settings, read_settings
from safelight.settings.sources import PREFIX
from tests.deploy.chart import CHART, RAY_CLUSTER, RAY_GROUP, Manifest, helm, of_kind, pods, render, rendered, selects
from tests.deploy.test_shipping import ROOT

PLAIN = ROOT / "deploy" / "kubernetes"
# The oldest that the chart takes, and the newest whose schemas are here.
_KUBERNETES = ("1.29", "1.37")
_LEAST: dict[str, Any] = {
    "database": {"url": "postgresql://safelight:secret@db:5432/safelight"},
    "files": {"url": "s3://pictures/safelight"},
}
_KIND = {"cpus": 2, "least": 1, "most": 3, "queueTargetSeconds": 5, "resources": {"requests": {"cpu": "2"}}}
_MOST: dict[str, Any] = {
    "image": {"repository": "registry.example.org/safelight", "tag": "1"},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {
        "queue_seconds": 30,
        "trusted_proxies": ["10.0.0.0/8"],
        "max_upload_bytes": 67108864,
        "models": {"sdxl": {"source": "org/sdxl", "steps": 28}},
    },
    "database": {"existingSecret": "db", "key": "address"},
    "files": {"url": "s3://pictures", "endpoint": "http://store:8333", "region": "eu", "existingSecret": "store"},
    "apiKey": {"existingSecret": "key"},
    "rayToken": {"existingSecret": "token"},
    "rayTls": {"enabled": True, "existingSecret": "authority"},
    "serviceAccount": {"name": "bucket"},
    "podLabels": {"team": "pictures"},
    "models": {"volume": {"persistentVolumeClaim": {"claimName": "models", "readOnly": True}}},
    "api": {
        "autoscaling": {"enabled": True},
        "service": {"type": "LoadBalancer"},
        "nodeSelector": {"role": "api"},
        "tolerations": [{"key": "api", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "ingress": {"enabled": True, "className": "nginx", "host": "images.example.org", "tlsSecret": "tls"}
    | {"annotations": {"a": "b"}},
    "head": {"gcsStorage": {"enabled": True, "storageClassName": "ssd"}, "nodeSelector": {"role": "head"}},
    "hosts": {
        "l40s": _KIND | {"gpus": 1, "engine": "local", "acceleratorType": "L40S", "tolerations": [{"key": "gpu"}]},
        "shared": _KIND | {"gpus": 0.5, "engine": "local"},
        "cpu": _KIND | {"gpus": 0, "engine": "fake", "dataVolume": {"hostPath": {"path": "/srv/safelight"}}},
        "gpu": None,
    },
    "networkPolicy": {
        "apiFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
    },
}
VALUES = pytest.mark.parametrize("values", [_LEAST, _MOST], ids=["least", "most"])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = helm(tmp_path_factory.mktemp("helm"))
    if found is None:
        pytest.skip("Helm is missing: `make test` installs it")
    return found


@VALUES
def test_helm_finds_no_fault(program: str, values: Manifest, tmp_path: Path) -> None:
    rendered(program, values, tmp_path)
    command = [program, "lint", "--strict", str(CHART), "--values", str(tmp_path / "values.json")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@VALUES
@pytest.mark.parametrize("version", _KUBERNETES)
def test_kubernetes_knows_every_field(program: str, values: Manifest, version: str, tmp_path: Path) -> None:
    manifests = render(program, values, tmp_path)
    (cluster,) = of_kind(manifests, "RayCluster")
    assert set(cluster["spec"]) <= RAY_CLUSTER
    assert {name for group in cluster["spec"]["workerGroupSpecs"] for name in group} == RAY_GROUP
    for manifest in (*(each for each in manifests if each is not cluster), *pods(manifests)):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_see_a_field_that_there_is_not(program: str, tmp_path: Path) -> None:
    (deployment,) = of_kind(render(program, _LEAST, tmp_path), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(deployment, _KUBERNETES[0], strict=True)


@VALUES
def test_the_settings_are_what_a_server_reads(
    program: str, values: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings,) = of_kind(render(program, values, tmp_path), "ConfigMap")
    (tmp_path / "safelight.toml").write_text(settings["data"]["safelight.toml"])
    monkeypatch.setenv("SAFELIGHT_CONFIG", str(tmp_path / "safelight.toml"))
    monkeypatch.setenv("SAFELIGHT_DATABASE", "postgresql://db/safelight")
    read = read_settings()
    assert (read.engine, read.files, read.drain_seconds) == ("ray", values["files"]["url"], 60)
    if values is _LEAST:
        assert [(kind, host.gpus, host.most) for kind, host in read.hosts.items()] == [("gpu", 1, 4)]
        return
    assert {kind: (host.gpus, host.engine, host.accelerator_type) for kind, host in read.hosts.items()} == {
        "l40s": (1, "local", "L40S"),
        "shared": (0.5, "local", None),
        "cpu": (0, "fake", None),
    }
    assert (read.queue_seconds, read.max_upload_bytes, read.models["sdxl"].steps) == (30, 67108864, 28)
    assert read.trusted_proxies == ("10.0.0.0/8",)


@VALUES
def test_variables_are_settings_and_commands_exist(program: str, values: Manifest, tmp_path: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"SAFELIGHT_CONFIG"}
    for pod in pods(render(program, values, tmp_path)):
        assert pod["spec"]["enableServiceLinks"] is False  # else Kubernetes makes variables that begin like ours
        for container in pod["spec"]["containers"]:
            names = {each["name"] for each in container["env"]}
            assert {name for name in names if name.startswith(PREFIX)} <= known
            if container["name"] in ("safelight", "deploy"):
                assert {"RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "SAFELIGHT_DATABASE"} <= names
                command, *options = container["args"]
                described = CliRunner().invoke(app, [command, "--help"])
                assert described.exit_code == 0, command
                assert [option for option in options if option[:2] == "--" and option not in described.output] == []


@VALUES
def test_no_process_of_ray_is_without_the_token_and_no_manifest_repeats_it(
    program: str, values: Manifest, tmp_path: Path
) -> None:
    manifests = render(program, values, tmp_path)
    (cluster,) = of_kind(manifests, "RayCluster")
    containers = [each for pod in pods(manifests) for each in _of_ray(pod)]
    assert len(containers) >= 6
    for env in (cluster["spec"]["autoscalerOptions"]["env"], *(each["env"] for each in containers)):
        said = {each["name"]: each for each in env}
        assert len(said) == len(env)
        assert said["RAY_AUTH_MODE"]["value"] == "token"
        assert float(said["RAY_gcs_rpc_server_reconnect_timeout_s"]["value"]) >= 600, "it ends with a head begun anew"
        assert "secretKeyRef" in said["RAY_AUTH_TOKEN"]["valueFrom"]
    made = {each["metadata"]["name"] for each in of_kind(manifests, "Secret")}
    assert made == ({"safelight-database", "safelight-ray-token"} if values is _LEAST else set())


@VALUES
def test_a_process_beside_its_ray_node_can_join(program: str, values: Manifest, tmp_path: Path) -> None:
    """It needs the node's sockets and its memory, and to be seen by its process id."""
    beside = [pod for pod in pods(render(program, values, tmp_path)) if len(_of_ray(pod)) > 1]
    assert len(beside) == 2  # the api, and what deploys
    for pod in beside:
        node, process = _of_ray(pod)
        assert (node["name"], node["restartPolicy"]) == ("ray", "Always")
        assert pod["spec"]["shareProcessNamespace"] is True
        mounts = [{each["mountPath"]: each["name"] for each in of["volumeMounts"]} for of in (node, process)]
        assert all(mounts[0][path] == mounts[1][path] for path in ("/tmp", "/dev/shm"))


def test_a_token_that_is_made_is_long_and_another_each_time(program: str, tmp_path: Path) -> None:
    def token() -> str:
        (secret,) = (each for each in of_kind(render(program, _LEAST, tmp_path), "Secret") if "data" in each)
        assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        return str(secret["data"]["auth_token"])

    first, second = token(), token()
    assert first != second
    assert len(first) >= 64


@VALUES
def test_only_pods_of_the_release_reach_ray_and_the_apis_port_alone_is_open(
    program: str, values: Manifest, tmp_path: Path
) -> None:
    manifests = render(program, values, tmp_path)
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "NetworkPolicy")}
    all_pods = list(pods(manifests))
    assert all(selects(policies["safelight-ray"]["podSelector"], pod) for pod in all_pods)
    inside, *metrics = policies["safelight-ray"]["ingress"]
    (peer,) = inside["from"]
    assert set(peer) == {"podSelector"}
    assert all(selects(peer["podSelector"], pod) for pod in all_pods)
    assert not selects(peer["podSelector"], {"metadata": {"labels": {"app": "another"}}})
    assert [rule["ports"] for rule in metrics] == ([] if values is _LEAST else [[{"protocol": "TCP", "port": 8080}]])
    (open_rule,) = policies["safelight-api"]["ingress"]
    assert open_rule["ports"] == [{"protocol": "TCP", "port": 8484}]
    assert ("from" in open_rule) == (values is _MOST)
    reached = [pod for pod in all_pods if selects(policies["safelight-api"]["podSelector"], pod)]
    assert [pod["metadata"]["labels"]["safelight-part"] for pod in reached] == ["api"]
    assert policies["safelight-hosts"]["policyTypes"] == ["Egress"]


@VALUES
def test_every_budget_and_service_is_of_pods_that_there_are(program: str, values: Manifest, tmp_path: Path) -> None:
    manifests = render(program, values, tmp_path)
    all_pods = list(pods(manifests))
    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert len(budgets) == (2 if values is _LEAST else 4)
    for each in budgets:
        assert [pod for pod in all_pods if selects(each["spec"]["selector"], pod)], each["metadata"]["name"]
    (service,) = of_kind(manifests, "Service")
    (api,) = (pod for pod in all_pods if selects(service["spec"]["selector"], pod))
    (container,) = api["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    assert str(container["ports"][0]["containerPort"]) in container["args"]
    assert api["spec"]["terminationGracePeriodSeconds"] > 60  # all of `drain_seconds`
    for pod in all_pods:
        claimed = {mount["name"] for each in _containers(pod) for mount in each["volumeMounts"]}
        assert claimed == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_a_pod_has_as_many_hosts_as_share_its_gpu(program: str, tmp_path: Path) -> None:
    (cluster,) = of_kind(render(program, _MOST, tmp_path), "RayCluster")
    groups = {group["groupName"]: group for group in cluster["spec"]["workerGroupSpecs"]}
    counts = {kind: (group["minReplicas"], group["maxReplicas"]) for kind, group in groups.items()}
    assert counts == {"l40s": (1, 3), "shared": (1, 2), "cpu": (1, 3)}
    assert groups["shared"]["rayStartParams"] == {"num-cpus": "4", "num-gpus": "1"}
    assert groups["cpu"]["rayStartParams"] == {"num-cpus": "2", "num-gpus": "0"}
    gpus = {
        kind: group["template"]["spec"]["containers"][0]["resources"].get("limits", {}).get("nvidia.com/gpu")
        for kind, group in groups.items()
    }
    assert gpus == {"l40s": 1, "shared": 1, "cpu": None}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"database": {}}, "names the PostgreSQL"),
        ({"files": {"url": "/srv/pictures"}}, "files/url"),
        ({"files": {}}, "files.url is where pictures are kept"),
        ({"replicas": 3}, "replicas"),
        ({"hosts": {"L40S": _KIND | {"gpus": 1, "engine": "local"}}}, "L40S"),
        ({"hosts": {"gpu": {"queue_target_seconds": 3}}}, "queue_target_seconds"),
    ],
)
def test_values_that_mean_nothing_are_refused(program: str, wrong: Manifest, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        render(program, _LEAST | wrong, tmp_path)


def test_the_plain_manifests_are_what_the_chart_makes(program: str, tmp_path: Path) -> None:
    assert (PLAIN / "safelight.yaml").read_text() == rendered(program, PLAIN / "values.yaml", tmp_path)


def test_with_tls_every_process_of_ray_has_a_certificate_and_one_container_alone_sees_the_authoritys_key(
    program: str, tmp_path: Path
) -> None:
    manifests = render(program, _MOST, tmp_path)
    (cluster,) = of_kind(manifests, "RayCluster")
    knowing = [cluster["spec"]["autoscalerOptions"]]
    for pod in pods(manifests):
        first, *_ = _containers(pod)
        assert first["name"] == "certificate"
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        assert volumes["tls-authority"]["secret"]["secretName"] == "authority"
        assert volumes["tls"]["emptyDir"]["medium"] == "Memory"
        assert [each["name"] for each in _containers(pod) if "/authority" in _mounts(each)] == ["certificate"]
        knowing += _of_ray(pod)
    for each in knowing:
        said = {variable["name"]: variable.get("value") for variable in each["env"]}
        assert said["RAY_USE_TLS"] == "1"
        files = [said[f"RAY_TLS_{name}"] for name in ("SERVER_CERT", "SERVER_KEY", "CA_CERT")]
        assert files == ["/tls/node.crt", "/tls/node.key", "/tls/ca.crt"]
        assert _mounts(each)["/tls"] == "tls"
    assert "tls" not in rendered(program, _LEAST, tmp_path).lower()


async def test_a_pod_makes_a_certificate_that_the_others_trust_by_its_address(program: str, tmp_path: Path) -> None:
    """What the chart has a pod run, run here, with the authority that the chart made."""
    manifests = render(program, _LEAST | {"rayTls": {"enabled": True}}, tmp_path)
    (made,) = [each for each in of_kind(manifests, "Secret") if each["type"] == "kubernetes.io/tls"]
    (authority, tls) = (tmp_path / "authority", tmp_path / "tls")
    for folder in (authority, tls):
        folder.mkdir()
    for name, data in made["data"].items():
        (authority / name).write_bytes(base64.b64decode(data))
    (certificate, *_) = _containers(next(pods(manifests)))
    (script,) = certificate["args"]
    here = script.replace("/authority/", f"{authority}/").replace("/tls/", f"{tls}/")
    making = await asyncio.create_subprocess_exec(
        *certificate["command"], here, env=os.environ | {"POD_IP": "127.0.0.2"}
    )
    assert await making.wait() == 0
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls / "ca.crt")
    client = ssl.create_default_context(cafile=tls / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    for context in (server, client):
        context.load_cert_chain(tls / "node.crt", tls / "node.key")

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"trusted")
        writer.close()

    async with await asyncio.start_server(answer, "0.0.0.0", 0, ssl=server) as listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.2", port, ssl=client)
        assert await reader.read() == b"trusted"
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.3", port, ssl=client)


def _containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def _of_ray(pod: Manifest) -> list[Manifest]:
    """The containers that speak to the cluster."""
    return [each for each in _containers(pod) if each["name"] != "certificate"]


def _mounts(container: Manifest) -> dict[str, str]:
    return {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
