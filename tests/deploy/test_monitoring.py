"""The dashboard and the alerts ask for metrics that exist, and the alerts come when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.grafana_dashboard import TARGET, dashboard, queries

from safelight.adapters.metrics import PrometheusTelemetry

ROOT = Path(__file__).parent.parent.parent
ALERTS = ROOT / "deploy" / "prometheus"
_NAME = re.compile(r"\bsafelight_[a-z_]+")
_LABELS = re.compile(r"\b(safelight_[a-z_]+)\{([^}]*)\}")


def _exposed() -> set[str]:
    """Every name that a query may use: those of /metrics, and what Prometheus makes of counters and histograms."""
    names: set[str] = set()
    for family in PrometheusTelemetry().registry.collect():
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        names |= {family.name + ending for ending in endings}
    return names


def _asked() -> Iterator[tuple[str, str]]:
    yield from (("the dashboard", query) for query in queries())
    yield from (("the alerts", line) for line in (ALERTS / "alerts.yaml").read_text().splitlines())
    yield from (("their tests", line) for line in (ALERTS / "alerts_test.yaml").read_text().splitlines())


def test_every_query_names_metrics_that_exist() -> None:
    exposed = _exposed()
    asked = {(who, name) for who, query in _asked() for name in _NAME.findall(query)}
    assert len(asked) > 30
    assert [(who, name) for who, name in sorted(asked) if name not in exposed] == []


def test_every_label_of_a_query_is_one_of_its_metric() -> None:
    labels = {
        family.name: set(getattr(collector, "_labelnames", ()))
        for collector in list(PrometheusTelemetry().registry._collector_to_names)
        for family in collector.collect()
    }
    wrong = []
    for who, query in _asked():
        for name, selectors in _LABELS.findall(query):
            family = re.sub(r"_(total|bucket|sum|count)$", "", name)
            known = labels.get(family, set()) | labels.get(name, set()) | {"le", "job", "instance"}
            wrong += [(who, name, label) for label in re.findall(r"(\w+)\s*[=!]~?", selectors) if label not in known]
    assert wrong == []


def test_the_dashboard_is_what_its_script_writes() -> None:
    assert json.loads(TARGET.read_text()) == dashboard()


def test_no_two_panels_of_the_dashboard_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard()["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize("command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")])
def test_prometheus_accepts_the_alerts_and_raises_them_when_it_should(command: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing: Debian's package prometheus has it")
    said = subprocess.run([promtool, *command], cwd=ALERTS, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_explained() -> None:
    alerts = re.findall(r"alert: (\w+)", (ALERTS / "alerts.yaml").read_text())
    explained = (ROOT / "docs" / "alerts.md").read_text()
    assert [name for name in alerts if f"`{name}`" not in explained] == []
