"""What a server says of itself once its port is open."""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial

from safelight.adapters.greeting import welcome
from safelight.adapters.home.state_folder import announce
from safelight.api.services import Services
from safelight.service.access.links import Links
from safelight.settings import Settings


class Greeting:
    """To whoever started it, and to commands on the same state folder. `page`: the studio is shown with it."""

    def __init__(self, settings: Settings, services: Services, links: Links, *, page: bool) -> None:
        self.settings = settings
        self.services = services
        self._links = links
        self._page = page
        self._words: Callable[[], str] = str

    async def sign_in(self) -> str | None:
        """A new address that signs one browser in, once; None where there is no page."""
        return f"{self.settings.url}/studio/?token={await self._links.new()}" if self.services.page else None

    async def prepare(self, lacks: Mapping[str, str], minted: str | None) -> None:
        """Make what the words need. `lacks` says why models cannot draw, `minted` is a key that was just made.

        A log is read by others, and kept: what signs in is shown to a person at a terminal alone.
        """
        person = sys.stderr.isatty()
        self._words = partial(
            welcome,
            self.settings,
            self.services.catalogue,
            lacks=lacks,
            page=self._page,
            minted=minted if person else None,
            link=await self.sign_in() if person and self._page else None,
        )

    def say(self) -> None:
        """The port is open."""
        kept = self.settings.model_dump(mode="json", include={"models", "engine"})
        announce(self.settings.home, self.settings.url, kept)
        print(self._words(), file=sys.stderr, flush=True)
