"""Where settings are written besides the command line: the environment and a TOML file."""

# Tested in tests/test_settings.py.

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError
from safelight.settings.working_directory import own_file

PREFIX = "SAFELIGHT_"
CONFIG_VARIABLE = "SAFELIGHT_CONFIG"
FILE_NAME = "safelight.toml"
_NAME_ANOTHER = "Set SAFELIGHT_HOME"

# Kubernetes and Docker's links describe a service called "safelight", or "safelight-head-svc", in variables that begin
# like ours (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_SERVICE_VARIABLE = re.compile(r"SAFELIGHT_(\w+_)?(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


class Environment(EnvSettingsSource):
    """`SAFELIGHT_…`, and `PORT` where `SAFELIGHT_PORT` says nothing."""

    def __call__(self) -> dict[str, Any]:
        _refuse_unknown_variables(self.settings_cls)
        return self._with_port(super().__call__())

    def readable(self) -> dict[str, Any]:
        """What can be read of it: neither names that are no setting's nor JSON that is none."""
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            text, _, is_complex = self.get_field_value(field, name)
            with suppress(ValueError):
                value = self.prepare_field_value(name, field, text, is_complex)
                values |= {} if value is None else {name: value}
        return self._with_port(values)

    @staticmethod
    def _with_port(values: dict[str, Any]) -> dict[str, Any]:
        if _SERVICE_ADDRESS.match(str(values.get("port", ""))):
            del values["port"]
        if "port" not in values and os.environ.get("PORT"):
            values["port"] = os.environ["PORT"]
        return values


class File(PydanticBaseSettingsSource):
    """`safelight.toml`; where it lies may depend on the state folder that stronger sources name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return read_toml(config_file(self.current_state.get("home")))


def config_file(home: object = None) -> Path | None:
    """The configuration file that is read, if there is one.

    Raises:
        ConfigurationError: `SAFELIGHT_CONFIG` names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = expanded(named, f"Set {CONFIG_VARIABLE}")
        if not os.path.isfile(path):
            raise ConfigurationError(f"{CONFIG_VARIABLE} names {path}, and there is no such file.")
        return path
    folder = expanded(str(home), _NAME_ANOTHER) if home else default_home()
    ours = folder / FILE_NAME
    return own_file(FILE_NAME) or (ours if os.path.isfile(ours) else None)


def default_home() -> Path:
    """The state folder where nobody names one: the platform's data folder.

    Raises:
        ConfigurationError: this user has no home folder that it could be in.
    """
    try:
        return expanded(user_data_path("safelight", appauthor=False), _NAME_ANOTHER)
    except RuntimeError:
        raise ConfigurationError(
            f"This user has no home folder, which the state folder would be in. {_NAME_ANOTHER} to a folder that it "
            "can write."
        ) from None


def local_url(host: str, port: int) -> str:
    """The base URL by which this machine reaches a server that listens there."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None


def _refuse_unknown_variables(settings_cls: type[BaseSettings]) -> None:
    known = {PREFIX + name.upper() for name in settings_cls.model_fields} | {CONFIG_VARIABLE}
    for variable in sorted(os.environ):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in known or _SERVICE_VARIABLE.fullmatch(name):
            continue
        if not (name.endswith("_PORT") and _SERVICE_ADDRESS.match(os.environ[variable])):
            raise ConfigurationError(
                f"The environment holds {variable}, which is no setting.{nearest(name, known)} "
                "docs/settings.md lists them all."
            )


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that asks whether that one was meant; empty where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""


def variable_of(name: str) -> str:
    """The variable that decides a setting."""
    variable = PREFIX + name.upper()
    said = os.environ.get(variable)
    return "PORT" if name == "port" and (not said or _SERVICE_ADDRESS.match(said)) else variable
