"""Reading the settings once, with errors for the person who wrote them."""

# Tested in tests/test_settings.py.

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings.exceptions import SettingsError

from safelight.contract.errors import ConfigurationError
from safelight.settings.fields import Settings
from safelight.settings.sources import PREFIX, Environment, config_file, nearest, read_toml, variable_of
from safelight.settings.tables.hosts import HostSettings
from safelight.settings.tables.models import ModelSettings
from safelight.settings.tables.options import OptionSettings


def read_settings(cli: Mapping[str, object] | None = None) -> Settings:
    """The settings of this process; `cli` holds what the command line said, by field name.

    Raises:
        ConfigurationError: something unknown or out of range, naming it and where it was written.
    """
    given = dict(cli or {})
    try:
        return Settings(**given)  # type: ignore[arg-type]  # validated right there
    except ValidationError as error:
        raise ConfigurationError("\n".join(_sentence(fault, given) for fault in error.errors())) from None
    except SettingsError as error:
        raise ConfigurationError(_unreadable(error)) from None


def file_models(home: object = None) -> dict[str, dict[str, Any]]:
    """The tables `[models.ID]` of the configuration file, as they are written."""
    models = read_toml(config_file(home or Environment(Settings)().get("home"))).get("models", {})
    return (
        {name: entry for name, entry in models.items() if isinstance(entry, dict)} if isinstance(models, dict) else {}
    )


def origins(cli: Mapping[str, object] | None = None) -> dict[str, str]:
    """Where each setting's value comes from, in words, by field name."""
    given = dict(cli or {})
    environment = Environment(Settings)()
    path = config_file(given.get("home", environment.get("home")))
    file = read_toml(path)
    found = {}
    for name in Settings.model_fields:
        if name in given:
            found[name] = "command line"
        elif name in environment:
            found[name] = f"environment ({variable_of(name)})"
        elif name in file:
            found[name] = f"file ({path})"
        else:
            found[name] = "default"
    return found


def _sentence(fault: Any, cli: Mapping[str, object]) -> str:
    """A fault as pydantic reports it, as a sentence that says where to look and what is allowed."""
    place = [str(part) for part in fault["loc"]]
    if fault["type"] == "extra_forbidden":
        fields = _fields_at(place)
        return f"Unknown setting `{'.'.join(place)}`{_written(place[0], cli)}.{nearest(place[-1], fields)}"
    message = str(fault["msg"]).removeprefix("Value error, ")
    field = Settings.model_fields.get(place[0])
    got = "" if field is not None and _holds_secret(field.annotation) else f"; got {_shown(fault['input'])}"
    return f"`{'.'.join(place)}`{_written(place[0], cli)}: {message[0].lower()}{message[1:]}{got}."


def _holds_secret(kind: Any) -> bool:
    """Whether a value of that type may hold a key or a password, which no message repeats."""
    if kind is SecretStr:
        return True
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return any(_holds_secret(field.annotation) for field in kind.model_fields.values())
    return any(_holds_secret(part) for part in get_args(kind))


def _fields_at(place: list[str]) -> Iterable[str]:
    """The names that are known where an unknown one was found."""
    if place[0] == "hosts":
        return HostSettings.model_fields
    if place[0] != "models":
        return Settings.model_fields
    return OptionSettings.model_fields if "options" in place[:-1] else ModelSettings.model_fields


def _written(name: str, cli: Mapping[str, object]) -> str:
    if name in Settings.model_fields:
        origin = origins(cli)[name]
        return "" if origin == "default" else f" from the {origin}"
    path = config_file(cli.get("home", os.environ.get(PREFIX + "HOME")))
    return f" in {path}" if path else ""


def _unreadable(error: SettingsError) -> str:
    names = [name for name in Settings.model_fields if f'"{name}"' in str(error)]
    shown = PREFIX + names[0].upper() if names else "A variable of the environment"
    return f"{shown} is not valid JSON, which that setting is written in where the environment holds it."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
