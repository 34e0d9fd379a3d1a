"""Which commit a revision is, and which files it has: pages are followed by our own code, which bounds their number.

https://huggingface.co/docs/hub/api: `GET /api/models/{repo}/revision/{revision}` and `…/tree/{revision}`, with the next
page in the header `Link`.
"""

# Tested in tests/cli/test_models.py.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from huggingface_hub.hf_api import RepoFile

from safelight.adapters.hub.asking import client, endpoint_url, read_json
from safelight.contract.errors import SafelightError

# The largest repositories of models have some thousands of files.
_MOST_PAGES = 200


def commit_of(repo: str, revision: str, endpoint: str | None) -> str:
    """The commit that a branch, a tag or the beginning of a commit is.

    Raises:
        SafelightError: the hub says none.
        huggingface_hub.errors.HfHubHTTPError, httpx.HTTPError: there is no such model or revision, or no answer.
    """
    path = f"/api/models/{repo}/revision/{revision.replace('/', '%2F')}"
    with client() as asked:
        said, _ = read_json(asked, endpoint_url(endpoint, path))
    return str(said.get("sha")) if isinstance(said, dict) else ""


def files_in(repo: str, commit: str, endpoint: str | None) -> Iterator[RepoFile]:
    """Every file of a repository at a commit.

    Raises:
        SafelightError: the hub's list does not end, is too long, or leads to another host.
        huggingface_hub.errors.HfHubHTTPError, httpx.HTTPError: it cannot be had.
    """
    url = endpoint_url(endpoint, f"/api/models/{repo}/tree/{commit}?recursive=true")
    host = url.host
    with client() as asked:
        for _ in range(_MOST_PAGES):
            entries, following = _page(asked, url)
            yield from (_file(entry) for entry in entries if entry.get("type") == "file")
            if following is None:
                return
            if following.host != host:  # it would be sent our token
                raise SafelightError(f"The hub's list of files goes on at {following.host}, which is not the hub.")
            url = following
    raise SafelightError(f"The hub's list of files has more than {_MOST_PAGES} pages, so nothing is fetched.")


def _file(entry: dict[str, Any]) -> RepoFile:
    try:
        return RepoFile(**entry)  # type: ignore[no-untyped-call]
    except (KeyError, TypeError):
        raise SafelightError("The hub's list of files has an entry without name, size or checksum.") from None


def _page(asked: httpx.Client, url: httpx.URL) -> tuple[list[dict[str, Any]], httpx.URL | None]:
    said, answer = read_json(asked, url)
    if not isinstance(said, list):
        raise SafelightError("The hub's list of files is no JSON list.")
    following = answer.links.get("next", {}).get("url")
    return [entry for entry in said if isinstance(entry, dict)], url.join(following) if following else None
