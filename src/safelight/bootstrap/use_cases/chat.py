"""Settings become upstreams of chat completions."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

from collections.abc import Mapping

from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ConfigurationError
from safelight.service.access.limits import RateLimiter
from safelight.service.chat import Chat
from safelight.service.ports.stores.ledger import Ledger
from safelight.service.ports.upstreams import Upstream
from safelight.settings import Settings


def upstreams_of(settings: Settings) -> dict[str, Upstream]:
    """The servers that the settings name, by their models; nothing is asked of them yet.

    Raises:
        ConfigurationError: a key is missing.
    """
    if not settings.chat:
        return {}
    from safelight.adapters.upstreams import HttpUpstream  # brings httpx

    models: dict[str, Upstream] = {}
    for name, given in settings.chat.items():
        upstream = HttpUpstream(name, given.url, given.secret())
        models |= dict.fromkeys(given.models, upstream)
    return models


def open_chat(models: Mapping[str, Upstream], catalogue: Catalogue, limiter: RateLimiter, ledger: Ledger) -> Chat:
    """The use case over upstreams, by their models.

    Raises:
        ConfigurationError: a chat model has the name of one that draws.
    """
    if doubled := [model for model in models if catalogue.get(model) is not None]:
        raise ConfigurationError(
            f"`chat` names the model {doubled[0]!r}, and so does `models`: a request could mean either. Rename one."
        )
    return Chat(models, catalogue=catalogue, limiter=limiter, ledger=ledger)
