"""Test files that one of pytest's processes runs, since they ask the same server: each process would start its own, and
that server, which measures its model, draws for ten seconds first.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

ASK_POSTCARD = frozenset(
    f"tests/e2e/test_{name}.py" for name in ("exactness", "fair_among_keys", "postcard_edits", "processes")
)
"""Those with the fixture of `tests/e2e/conftest.py`."""


class ByServer(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file at a time to each process, and those together."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "those that ask Postcard" if file in ASK_POSTCARD else file
