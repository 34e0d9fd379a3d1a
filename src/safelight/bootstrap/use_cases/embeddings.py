"""Settings become sentence encoders."""

# Tested in tests/api/test_embeddings.py.

from __future__ import annotations

from safelight.bootstrap.engines.catalogue import encoder_entries
from safelight.bootstrap.use_cases.drawing import Drawing
from safelight.contract.catalogue import Catalogue
from safelight.service.access.quotas import QuotaKeeper
from safelight.service.embeddings import Embeddings
from safelight.service.ports.engine import Engine
from safelight.service.ports.stores.ledger import Ledger
from safelight.settings import Settings


def open_embeddings(
    settings: Settings,
    engine: Engine,
    offered: Catalogue,
    drawing: Drawing,
    ledger: Ledger,
    quotas: QuotaKeeper,
) -> Embeddings:
    """The use case over the encoders that the settings name."""
    return Embeddings(
        encoder_entries(settings),
        engine=engine,
        catalogue=offered,
        readiness=drawing.readiness,
        limiter=drawing.limiter,
        admission=drawing.admission,
        everywhere=drawing.everywhere,
        ledger=ledger,
        quotas=quotas,
    )
