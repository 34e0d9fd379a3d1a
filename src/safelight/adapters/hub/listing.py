"""Which files a repository of the hub has: its pages are followed by our own code, which bounds their number and size.

https://huggingface.co/docs/hub/api: `GET /api/models/{repo}/tree/{revision}`, with the next page in the header `Link`.
"""

# Tested in tests/cli/test_pulled.py.

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from huggingface_hub import constants
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import hf_raise_for_status

from safelight.contract.errors import SafelightError

# A page has up to 1,000 entries; the largest repositories of models have some thousands of files.
_MOST_PAGES = 200
_MOST_PAGE_BYTES = 32 * 1024 * 1024
_PATIENCE_SECONDS = 30.0


def files_in(repo: str, commit: str, endpoint: str | None) -> Iterator[RepoFile]:
    """Every file of a repository at a commit.

    Raises:
        SafelightError: the hub's list does not end, is too long, or leads to another host.
        huggingface_hub.errors.HfHubHTTPError, httpx.HTTPError: it cannot be had.
    """
    base = httpx.URL(endpoint or constants.ENDPOINT)
    url = base.join(f"/api/models/{repo}/tree/{commit}").copy_merge_params({"recursive": "true"})
    with httpx.Client(headers=build_hf_headers(), timeout=_PATIENCE_SECONDS, follow_redirects=True) as client:
        for _ in range(_MOST_PAGES):
            entries, following = _page(client, url)
            yield from (_file(entry) for entry in entries if entry.get("type") == "file")
            if following is None:
                return
            if following.host != base.host:  # it would be sent our token
                raise SafelightError(f"The hub's list of files goes on at {following.host}, which is not the hub.")
            url = following
    raise SafelightError(f"The hub's list of files has more than {_MOST_PAGES} pages, so nothing is fetched.")


def _file(entry: dict[str, Any]) -> RepoFile:
    try:
        return RepoFile(**entry)  # type: ignore[no-untyped-call]
    except (KeyError, TypeError):
        raise SafelightError("The hub's list of files has an entry without name, size or checksum.") from None


def _page(client: httpx.Client, url: httpx.URL) -> tuple[list[dict[str, Any]], httpx.URL | None]:
    with client.stream("GET", url) as answer:
        hf_raise_for_status(answer)
        content = bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > _MOST_PAGE_BYTES:
                raise SafelightError(f"A page of the hub's list of files has more than {_MOST_PAGE_BYTES} bytes.")
        following = answer.links.get("next", {}).get("url")
        try:
            entries = [entry for entry in json.loads(content) if isinstance(entry, dict)]
        except (ValueError, TypeError, RecursionError):
            raise SafelightError("The hub's list of files is no JSON list.") from None
        return entries, url.join(following) if following else None
