"""The server that runs on the state folder, for commands that ask it before they look for themselves."""

# Tested in tests/cli/test_asking_the_server.py.

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from safelight.adapters.home.state_folder import read_key, served_url, told_by_server
from safelight.cli.terminal import note
from safelight.contract.errors import SafelightError
from safelight.settings import ModelSettings, Settings

_ASK_SECONDS = 10.0


class RunningServer(msgspec.Struct, frozen=True):
    """Where it listens, and a key that it takes."""

    url: str
    key: str

    def models(self) -> list[dict[str, Any]]:
        """Those of its `GET /v1/models` that draw.

        Raises:
            SafelightError: it does not answer, or not so.
        """
        try:
            headers = {"authorization": f"Bearer {self.key}"}
            answer = httpx.get(f"{self.url}/v1/models", headers=headers, timeout=_ASK_SECONDS)
            answer.raise_for_status()
            models: list[dict[str, Any]] = answer.json()["data"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise SafelightError(f"The server at {self.url} did not tell its models: {error}") from None
        return [model for model in models if "text-to-image" in model.get("type", ("text-to-image",))]


def known_key(settings: Settings) -> str | None:
    """The key that a server on this state folder takes, as far as it is known here: SAFELIGHT_API_KEY, or the kept one.

    Raises:
        ConfigurationError: the kept one cannot be read.
    """
    return settings.api_key.get_secret_value() if settings.api_key else read_key(settings.home)


def running_server(settings: Settings) -> RunningServer | None:
    """The server on this state folder; None where none runs, or no key for it is known."""
    url, key = served_url(settings.home), known_key(settings)
    return RunningServer(url, key) if url is not None and key is not None else None


def as_served(settings: Settings) -> Settings:
    """The settings with what the server on this state folder really offers, said on standard error; these where none
    runs. `serve --model … --as …` may have said other models than the configuration does.
    """
    told = told_by_server(settings.home)
    try:
        served = {name: ModelSettings.model_validate(model) for name, model in told["models"].items()}
        engine = told["engine"]
    except (KeyError, AttributeError, ValueError):  # none runs, or one of another version
        return settings
    note(f"As the server at {served_url(settings.home)} has it.")
    return settings.model_copy(update={"models": served, "engine": engine})


def usable(models: list[dict[str, Any]]) -> str:
    """The first model that did not fail, else the first."""
    return str(next((model for model in models if model["status"] != "failed"), models[0])["id"])
