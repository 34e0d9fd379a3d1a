"""Commands that only show: `env`, `models`, `config show`."""

# Tested in tests/cli/test_commands.py.

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from safelight.adapters.home.state_folder import served_url
from safelight.cli.running_server import RunningServer, as_served, known_key, running_server, usable
from safelight.cli.terminal import note, print_json, print_table
from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.contract.values.kinds import words_for
from safelight.settings import Settings, config_file, origins, read_settings

_HIDDEN = "(hidden)"


def print_environment(settings: Settings, *, as_json: bool, address_given: bool) -> None:
    """What a client needs, as one `export` line (POSIX sh).

    The address is that of the server which runs on this state folder, unless the command line names another.

    Raises:
        ConfigurationError: no key is known in plain text.
    """
    key = known_key(settings)
    if key is None:
        running = served_url(settings.home)
        theirs = f" The server at {running} may have been started with SAFELIGHT_API_KEY: set it here too."
        raise ConfigurationError(
            f"No key is kept in {settings.home}. The first `safelight serve` makes one; where keys were made already, "
            f"`safelight keys create --save` makes and keeps another.{theirs if running else ''}"
        )
    server = None if address_given else running_server(settings)
    values = {
        "DIFFUSION_URL": server.url if server else settings.url,
        "DIFFUSION_KEY": key,
        "DIFFUSION_MODEL_ID": (server and _first_model(server)) or next(iter(settings.models)),
    }
    if as_json:
        print_json(values)
    else:
        print("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items()))


def _first_model(server: RunningServer) -> str | None:
    """The first of its models that can draw; None where it does not tell."""
    try:
        return usable(server.models())
    except (SafelightError, LookupError) as error:
        note(f"{error} The model is the first of the settings.")
        return None


def print_models(settings: Settings, *, as_json: bool) -> None:
    """The catalogue: ids and aliases, what draws them, what they support; as a running server has it."""
    from safelight.bootstrap.engines.catalogue import catalogue

    settings = as_served(settings)
    offered = catalogue(settings)
    known = _known_to_server(settings)  # which has looked at the checkpoints
    found = [{**_by_settings(entry), **known.get(entry.id, {})} for entry in offered]
    if as_json:
        print_json(found)
        return
    print_table(
        ("model", "also called", "drawn by"),
        [(model["id"], ", ".join(model["aliases"]) or "-", model["drawn_by"]) for model in found],
    )
    told: list[Any] = []
    for model in found:
        if (capabilities := model["capabilities"]) in told:
            continue
        told.append(capabilities)
        alike = [other["id"] for other in found if other["capabilities"] == capabilities]
        print(f"\nParameters of {', '.join(alike)}:\n")
        print_parameters(capabilities)
        if not known and offered.find(alike[0]).terms.contract == "open":
            print(f"\nAnd what else the model can do: `safelight show {alike[0]}`.")


def _by_settings(entry: ModelEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "aliases": list(entry.aliases),
        "drawn_by": entry.drawn_by,
        "source": entry.source,
        "capabilities": entry.capabilities.as_json(),
    }


def _known_to_server(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the running server says of its models beyond the settings, by id."""
    server = running_server(settings)
    try:
        models = server.models() if server else []
    except SafelightError as error:
        note(f"{error} What follows is by the settings.")
        return {}
    return {model["id"]: {name: model[name] for name in ("status", "capabilities")} for model in models}


def print_parameters(capabilities: dict[str, Any]) -> None:
    """What is allowed and what is taken unasked, by parameter; `Capabilities.as_json` gives them."""
    shown = capabilities["parameters"]
    print_table(("parameter", "allowed", "default"), [(name, words_for(p), _default(p)) for name, p in shown.items()])


def print_settings(said: Mapping[str, object], *, as_json: bool) -> None:
    """Every setting, its value and its origin."""
    settings = read_settings(said)
    came_from = origins(said)
    shown = {name: _plain(getattr(settings, name)) for name in Settings.model_fields}
    if as_json:
        print_json({name: {"value": value, "origin": came_from[name]} for name, value in shown.items()})
        return
    print_table(("setting", "value", "origin"), [(n, _text(v), came_from[n]) for n, v in shown.items()])
    path = config_file(settings.home)
    print(f"\nConfiguration file: {path.resolve() if path else 'none'}")


def _default(parameter: dict[str, Any]) -> str:
    return "required" if parameter["required"] else _text(parameter["default"])


def _plain(value: object) -> Any:
    """A setting's value as JSON has it."""
    if isinstance(value, SecretStr):
        return _HIDDEN
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case dict():
            return "\n".join(
                f"{name}: {_text(item)}" if not isinstance(item, dict) else _entry(name, item)
                for name, item in value.items()
            )
        case list():
            return ", ".join(str(item) for item in value) or "-"
        case "":
            return '""'
        case _:
            return str(value)


def _entry(name: str, model: dict[str, Any]) -> str:
    details = ", ".join(f"{key}={_text(value)}" for key, value in model.items() if value not in (None, [], "auto"))
    return f"{name}: {details}"
