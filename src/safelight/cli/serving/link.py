"""`safelight link`: an address that signs one browser in to the studio."""

# Tested in tests/studio/test_session.py.

from __future__ import annotations

import asyncio

from safelight.adapters.home.state_folder import prepare, served_url
from safelight.bootstrap.stores.links import new_token
from safelight.cli.terminal import note, print_json
from safelight.service.access.links import LINK_SECONDS
from safelight.settings import Settings


def print_link(settings: Settings, *, as_json: bool) -> None:
    """Make a link on the state folder, for the server that runs there or starts there next.

    Raises:
        ConfigurationError: the state folder cannot be written.
    """
    prepare(settings.home)
    running = served_url(settings.home)
    link = f"{running or settings.url}/studio/?token={asyncio.run(new_token(settings))}"
    if as_json:
        print_json({"link": link, "seconds": LINK_SECONDS})
        return
    print(link)
    when = "" if running else " No server runs on this state folder yet; `safelight serve` starts one."
    note(f"It signs one browser in, once, within {LINK_SECONDS / 60:.0f} minutes.{when}")
