"""`safelight run MODEL`: from a model's name to its studio. It is fetched where it is not here, served and shown."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from time import monotonic
from typing import Any

import msgspec
import typer

from safelight.adapters.home.pins import pinned_commit
from safelight.adapters.home.state_folder import prepare, served_url, told_by_server
from safelight.cli.checkpoints.models import keep
from safelight.cli.serving.serve_models import in_little_memory, offered
from safelight.cli.terminal import bytes_in_words, note, seconds_in_words
from safelight.contract.checkpoints.hub import HubName, cache_folder
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.settings import Settings, read_settings

# Without one of these a browser on Linux is one that takes the terminal over, or none.
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asked for. `said` are settings by name; `options` are the model's."""

    model: str
    served_as: str | None
    said: dict[str, Any]
    options: dict[str, Any]
    low_vram: bool
    yes: bool
    browser: bool


def run(wish: Wish) -> int:
    """Serve one model until a signal, and open the studio once it can draw; the exit status.

    Raises:
        ConfigurationError: there is no such model, or it is not here and nobody said that it may be fetched.
        SafelightError: it could not be fetched, or the person who was asked declined.
    """
    settings = read_settings({**wish.said, "models": _one_model(wish)})
    ((name, model),) = settings.models.items()
    if (known_as := _served_as(settings, model.source)) is not None:
        note(f"The server at {served_url(settings.home)} offers {model.source} already, as {known_as}.")
        _open_there(settings, wanted=wish.browser)
        return 0
    for source in filter(None, (model.source, model.options.config)):
        _have(settings, source, model.options.variant, yes=wish.yes)
    began = monotonic()

    def on_loaded(url: str, link: str | None, failed: Mapping[str, str]) -> bool:
        if name in failed:
            print(f"safelight: {name} cannot draw. {failed[name]}", file=sys.stderr, flush=True)
            return False
        note(f"{name} is ready in {seconds_in_words(monotonic() - began)}. Ctrl-C ends the server.")
        if link is not None:
            _open(link, wanted=wish.browser)
        return True

    from safelight.bootstrap.starting import start_and_serve

    return start_and_serve(settings, on_loaded)


def _open_there(settings: Settings, *, wanted: bool) -> None:
    """The studio of the server that runs already, signed in."""
    from safelight.bootstrap.stores.links import new_token

    _open(f"{served_url(settings.home)}/studio/?token={asyncio.run(new_token(settings))}", wanted=wanted)


def _one_model(wish: Wish) -> dict[str, dict[str, Any]]:
    """The models table with that model alone: an id of the settings, else a source."""
    known = read_settings(wish.said)
    if wish.served_as is None and wish.model in known.models:
        models = {wish.model: known.models[wish.model].model_dump(mode="json", exclude_unset=True)}
    else:
        named = ["--model", wish.model, *(["--as", wish.served_as] if wish.served_as else [])]
        models = offered(named, wish.said.get("home")) or {}
    models = {
        name: {**model, "options": {**model.get("options", {}), **wish.options}} for name, model in models.items()
    }
    return in_little_memory(models, wish.said.get("home")) if wish.low_vram else models


def _served_as(settings: Settings, source: str) -> str | None:
    """The id under which the server on this state folder offers that source already, if it does."""
    models = told_by_server(settings.home).get("models", {})
    return next((str(name) for name, model in models.items() if model.get("source") == source), None)


def _have(settings: Settings, source: str, variant: str | None, *, yes: bool) -> None:
    """See that a model of the hub is on this machine; fetch it where it is not, if that is wanted."""
    name = HubName.read(source)
    if name is None or name.snapshot(cache_folder(), pinned_commit(settings.home, source)) is not None:
        return
    from safelight.adapters.hub import hub

    prepare(settings.home)
    offer = hub.look_up(name, variant=variant)
    if not offer.draws:
        raise ConfigurationError(
            f"{name} is no model that draws. `safelight pull {name}` fetches it, and says what it is for."
        )
    said = f"{name} is not on this machine. Fetching it takes {bytes_in_words(offer.missing)}"
    expected = hub.expected_seconds(offer)
    if expected is not None:
        said += f" and about {seconds_in_words(expected)}, at the speed of just now"
    if yes:
        note(f"{said}.")
    elif not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            f"{said}. `safelight run {source} --yes` fetches it, and so does `safelight pull {name}`."
        )
    elif not typer.confirm(f"{said}. Fetch it?", default=True, err=True):
        raise SafelightError("Nothing was fetched.")
    keep(settings, hub.fetch(offer))


def _open(link: str, *, wanted: bool) -> None:
    """Show the studio in a browser, or say how."""
    screen = sys.platform != "linux" or any(os.environ.get(name) for name in _SCREENS)
    if wanted and screen:
        # Some browsers keep whoever opens them waiting for as long as they are open.
        threading.Thread(target=webbrowser.open, args=(link,), name="browser", daemon=True).start()
    elif sys.stderr.isatty():
        note(f"\nThe studio, signed in (this link works once, within ten minutes):\n\n{link}\n")
    else:
        note("`safelight link` prints an address that signs a browser in to the studio.")
