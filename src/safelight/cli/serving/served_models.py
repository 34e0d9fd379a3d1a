"""`safelight ps`: the models that a running server has, and what each has of its workers."""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

from typing import Any

import msgspec

from safelight.adapters.home.state_folder import served_url
from safelight.cli.running_server import RunningServer, running_server
from safelight.cli.terminal import bytes_in_one_unit, print_json, print_table
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.settings import Settings

_OF_A_MODEL = ("drawn_by", "status", "resident", "where", "memory_bytes", "reason", "workers")
_OF_A_WORKER = ("model", "worker", "device", "device memory", "host memory", "pictures a minute")
_PUT_AWAY = {"host": "in host memory", "none": "put away"}


def running(settings: Settings, *, as_json: bool) -> None:
    """The models that the server on this state folder has, and how they stand. With a cluster also how that stands, for
    which no server needs to run here.

    Raises:
        SafelightError: no server runs here, or it does not answer.
    """
    if settings.engine == "ray":
        _with_cluster(settings, as_json=as_json)
        return
    if served_url(settings.home) is None:
        raise SafelightError("No server runs on this state folder. `safelight serve` starts one.")
    server = running_server(settings)
    if server is None:
        raise ConfigurationError("The server wants a key, and none is kept here: `safelight keys create --save`.")
    rows = _rows(server)
    if as_json:
        print_json(rows)
    else:
        _print_models(rows)
        print()
        print_table(_OF_A_WORKER, at_work(_by_what_draws(rows)))


def _with_cluster(settings: Settings, *, as_json: bool) -> None:
    from safelight.cli.serving.cluster_shown import look, print_shown

    server = running_server(settings)
    rows = _rows(server) if server is not None else []
    shown = look(settings)
    if as_json:
        print_json({"models": rows} | msgspec.to_builtins(shown))
        return
    if rows:
        _print_models(rows)
        print()
    print_shown(shown)


def _rows(server: RunningServer) -> list[dict[str, Any]]:
    return [{"model": m["id"], **{name: m[name] for name in _OF_A_MODEL}} for m in server.models()]


def _print_models(rows: list[dict[str, Any]]) -> None:
    print_table(("model", "drawn by", "status", "memory"), standing(rows))
    for row in rows:
        if row["reason"]:
            print(f"\n{row['model']} failed: {row['reason']}")


def standing(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each model. One that is ready and not on the device was put away for others; the next request has it
    brought back.
    """
    memory = bytes_in_one_unit([(row["where"] != "none" and row["memory_bytes"]) or None for row in rows])
    return [(row["model"], row["drawn_by"], _status(row), size) for row, size in zip(rows, memory, strict=True)]


def _status(row: dict[str, Any]) -> str:
    status: str = row["status"]
    return _PUT_AWAY.get(row["where"], status) if status == "ready" else status


def _by_what_draws(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ids that are drawn by the same share its workers: they are one row."""
    found: list[dict[str, Any]] = []
    for row in rows:
        alike = next((other for other in found if all(other[n] == row[n] for n in ("drawn_by", "workers"))), None)
        if alike is None:
            found.append(dict(row))
        else:
            alike["model"] += f", {row['model']}"
    return found


def at_work(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line for each model and worker: what that model has of it. Its memory is that of all its models together."""
    lines = [(row["model"], each) for row in rows for each in row["workers"]]
    memory = bytes_in_one_unit([each[of] or None for _, each in lines for of in ("device_bytes", "host_bytes")])
    return [
        (model, str(each["worker"]), each["device"] or "-", on_device, on_host, f"{each['pictures_per_minute']:.1f}")
        for (model, each), on_device, on_host in zip(lines, memory[::2], memory[1::2], strict=True)
    ]
