"""What of the settings can be used where something is wrong with them: for a look at the rest."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from safelight.contract.errors import ConfigurationError
from safelight.settings.fields import Settings
from safelight.settings.sources import Environment, config_file, read_toml


class _Given(Settings):
    """Reads nothing but what it is given."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def sound_settings(cli: Mapping[str, object]) -> Settings:
    """Every setting that is right; each that is not has its default. `cli` holds what the command line said, by name.

    Raises:
        ConfigurationError: not even the state folder can be told.
    """
    written = _written(cli)
    while True:
        try:
            return _Given(**written)
        except ValidationError as error:
            wrong = {str(fault["loc"][0]) for fault in error.errors()}
            # Where what is wrong is missing, as hosts are for Ray, it cannot be told what would be right without it.
            kept = written.keys() - wrong if wrong & written.keys() else written.keys() & {"home"}
            written = {name: written[name] for name in kept}


def _written(cli: Mapping[str, object]) -> dict[str, Any]:
    """All that is written, the stronger source first."""
    values = Environment(Settings).readable() | dict(cli)
    try:
        return read_toml(config_file(values.get("home"))) | values
    except ConfigurationError:  # no file that can be read
        return values
