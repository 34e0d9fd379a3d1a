"""How whoever asks reaches us, in paths and in whole addresses."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from safelight.api.http.proxies import address, root
from safelight.api.services import Services
from safelight.service.access.picture_links import PictureLinks


@dataclass(frozen=True)
class Addresses:
    """What stands before `v1/…` in paths (`root`) and in whole addresses."""

    root: str
    whole: str
    links: PictureLinks

    def link(self, job_id: str, output_format: str) -> str:
        """The address of a job's picture, for whoever has it."""
        return self.whole + self.links.path(job_id, output_format)


def addresses(request: Request) -> Addresses:
    """Those for the caller of this request."""
    services: Services = request.app.state.services
    return Addresses(root(request), address(request, services.settings.public_url), services.picture_links)
