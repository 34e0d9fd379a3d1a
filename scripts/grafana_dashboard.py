"""Writes deploy/grafana/safelight.json, a dashboard over the metrics that docs/operations.md lists.

A dashboard's JSON is long and repeats itself; what differs from panel to panel is the table below.
Run `python scripts/grafana_dashboard.py` after a change of it. Grafana 10 and newer import the file as it is
(https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).parent.parent / "deploy" / "grafana" / "safelight.json"
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_IMAGES = 'route=~"/v1/images/.*"'


class Panel(NamedTuple):
    """A panel: its queries by the legend that each has, what is counted, and how wide it is (of 24)."""

    title: str
    unit: str
    width: int
    queries: dict[str, str]
    kind: str = "timeseries"
    height: int = 8


def _quantile(share: float, histogram: str, where: str = "", by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{{{where}}}[$__rate_interval])))"


def _rate(counter: str, where: str = "", by: str = "") -> str:
    total = f"rate({counter}{{{where}}}[$__rate_interval])"
    return f"sum by ({by}) ({total})" if by else f"sum({total})"


PANELS = (
    Panel("Servers", "short", 4, {"up": "count(safelight_build_info)"}, "stat", 4),
    Panel("Workers", "short", 4, {"alive": "sum(safelight_workers)"}, "stat", 4),
    Panel("Pictures a minute", "short", 4, {"a minute": f"60 * {_rate('safelight_drawings_total')}"}, "stat", 4),
    Panel("Work that waits", "s", 4, {"seconds": "sum(safelight_queue_work_seconds)"}, "stat", 4),
    Panel("Oldest picture", "s", 4, {"age": "max(safelight_queue_age_seconds)"}, "stat", 4),
    Panel(
        "Failed models",
        "short",
        4,
        {"failed": 'count(max by (model) (safelight_model_status{status="failed"}) == 1) or vector(0)'},
        "stat",
        4,
    ),
    Panel("Requests by status", "reqps", 12, {"{{status}}": _rate("safelight_requests_total", _IMAGES, "status")}),
    Panel(
        "Time of an answer",
        "s",
        12,
        {
            name: _quantile(share, "safelight_request_seconds", _IMAGES)
            for name, share in (("half", 0.5), ("19 of 20", 0.95), ("99 of 100", 0.99))
        },
    ),
    Panel("Refused, by code", "reqps", 12, {"{{code}}": _rate("safelight_rejections_total", by="code")}),
    Panel(
        "Drawings by model and outcome",
        "ops",
        12,
        {"{{model}} {{outcome}}": _rate("safelight_drawings_total", by="model, outcome")},
    ),
    Panel(
        "Time by stage (mean)",
        "s",
        12,
        {
            "{{stage}}": f"{_rate('safelight_stage_seconds_sum', by='stage')}"
            f" / {_rate('safelight_stage_seconds_count', by='stage')}"
        },
    ),
    Panel(
        "A denoising step",
        "s",
        12,
        {name: _quantile(share, "safelight_step_seconds") for name, share in (("half", 0.5), ("19 of 20", 0.95))},
    ),
    Panel(
        "Pictures with workers and waiting",
        "short",
        12,
        {"waiting": "sum(safelight_queue_depth)", "with a worker": "sum(safelight_jobs_running)"},
    ),
    Panel(
        "Durable jobs",
        "short",
        12,
        {"waiting": "sum(safelight_durable_jobs_waiting)", "drawn": "sum(safelight_durable_jobs_running)"},
    ),
    Panel("Models", "short", 12, {"{{model}} {{status}}": "max by (model, status) (safelight_model_status) == 1"}),
    Panel("Memory", "bytes", 12, {"{{instance}}": "safelight_memory_bytes", "{{model}}": "safelight_model_bytes"}),
    Panel(
        "Kept pictures and disks",
        "bytes",
        12,
        {
            "kept": "max(safelight_files_bytes)",
            "budget": "max(safelight_files_budget_bytes)",
            "free on {{disk}}": "min by (disk) (safelight_disk_free_bytes)",
        },
    ),
    Panel(
        "What goes wrong",
        "short",
        12,
        {
            "workers died": "sum(increase(safelight_worker_restarts_total[$__rate_interval]))",
            "log lines lost": "sum(increase(safelight_log_lines_dropped_total[$__rate_interval]))",
            "ledger entries lost": "sum(increase(safelight_ledger_lost_total[$__rate_interval]))",
        },
    ),
)


def queries() -> Iterator[str]:
    """Every query of the dashboard."""
    for panel in PANELS:
        yield from panel.queries.values()


def dashboard() -> dict[str, Any]:
    """Grafana's model of the dashboard."""
    source = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "title": "Safelight",
        "uid": "safelight",
        "tags": ["safelight"],
        "timezone": "browser",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "panels": list(_placed()),
    }


def _placed() -> Iterator[dict[str, Any]]:
    x = y = below = 0
    for number, panel in enumerate(PANELS, start=1):
        if x + panel.width > _COLUMNS:
            x, y, below = 0, y + below, 0
        yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, below = x + panel.width, max(below, panel.height)


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
        for n, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(dashboard(), indent=1) + "\n", encoding="utf-8")
