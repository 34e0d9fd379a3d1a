"""What the routes are given: everything that `bootstrap` has put together."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from safelight.contract.catalogue import Catalogue
from safelight.contract.requests.order import MetadataMode
from safelight.protocol.cluster.placing import LineStanding
from safelight.service.access.keys import Keys
from safelight.service.access.model_choices import ModelChoices
from safelight.service.access.picture_links import PictureLinks
from safelight.service.access.quotas import QuotaKeeper
from safelight.service.access.sessions import Sessions
from safelight.service.batches.batches import Batches
from safelight.service.chat import Chat
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.drawing.generate import Generate
from safelight.service.embeddings import Embeddings
from safelight.service.entrance import Entrance
from safelight.service.jobs.answers import Answers
from safelight.service.jobs.jobs import Jobs
from safelight.service.ports.credentials import CredentialReader
from safelight.service.ports.engine import Engine
from safelight.service.ports.stores.audit import AuditLog
from safelight.service.ports.stores.quotas import QuotaBook
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings


class BuiltFile(msgspec.Struct, frozen=True):
    """One file of the page at `/studio`. `packed` is the gzip form, where that is worth it."""

    content: bytes
    packed: bytes | None
    media_type: str
    etag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The use cases and ports that HTTP calls. `render_metrics` gives Prometheus' text, or OpenMetrics' with
    exemplars; `page` holds its files.

    `credentials` is None where the library for signatures is not installed, `look_at_line` where there is no cluster.
    `partial_of` turns a preview (JPEG) into a file of an output format; it is run in a thread.
    """

    settings: Settings
    catalogue: Catalogue
    keys: Keys
    quotas: QuotaKeeper
    usage: QuotaBook
    audit: AuditLog
    entrance: Entrance
    generate: Generate
    answers: Answers
    jobs: Jobs
    batches: Batches
    sessions: Sessions
    cookie_name: str
    picture_links: PictureLinks
    model_choices: ModelChoices
    chat: Chat
    embeddings: Embeddings
    credentials: CredentialReader | None
    signing: Signing
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()
    look_at_line: Callable[[], Awaitable[LineStanding]] | None = None
    engine: Engine
    telemetry: Telemetry
    render_metrics: Callable[[bool], bytes]
    page: Mapping[str, BuiltFile]
    partial_of: Callable[[bytes, str, MetadataMode], bytes]

    async def close(self) -> None:
        """Let go of the connections that the use cases hold, but for the database."""
        for close in self.closing:
            await close()
