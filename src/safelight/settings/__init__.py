"""Settings: read once, typed, frozen. Command line > environment > `safelight.toml` > defaults.

The environment is `SAFELIGHT_<NAME>`, and `PORT` as platforms set it. The file is the one that `SAFELIGHT_CONFIG`
names, else `./safelight.toml`, else `safelight.toml` in the state folder. Whatever is unknown is an error that names
the nearest known setting: a typing mistake must never be a silent default.
"""

from safelight.settings.fields import Settings
from safelight.settings.reading import file_models, origins, read_settings
from safelight.settings.sources import config_file, local_url
from safelight.settings.tables.chat import ChatSettings
from safelight.settings.tables.embeddings import EmbeddingSettings
from safelight.settings.tables.hosts import HostSettings
from safelight.settings.tables.models import ModelSettings
from safelight.settings.tables.options import OptionSettings

__all__ = [
    "ChatSettings",
    "EmbeddingSettings",
    "HostSettings",
    "ModelSettings",
    "OptionSettings",
    "Settings",
    "config_file",
    "file_models",
    "local_url",
    "origins",
    "read_settings",
]
