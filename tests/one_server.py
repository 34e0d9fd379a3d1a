"""Test files that one of pytest's processes runs, since they ask the same server: each process would start its own, and
that server, which measures its model, draws for ten seconds first. So those that need what engines are forked from.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

ASK_POSTCARD = frozenset(
    f"tests/e2e/test_{name}.py" for name in ("exactness", "fair_among_keys", "postcard_edits", "processes")
)
"""Those with the fixture of `tests/e2e/conftest.py`."""

FORK_ENGINES = frozenset({"tests/contracts/test_engine_port.py", "tests/api/test_image_classifier.py"})
"""Of the measured rooms those whose tests start processes of the engine. What these are forked from imports PyTorch,
four seconds of a processor in each process of pytest that has one."""

ASK_BY_LITELLM = frozenset(f"tests/clients/test_{name}.py" for name in ("edits", "embeddings", "litellm"))
"""Those with the fixture of `tests/clients/conftest.py` that imports LiteLLM, for three seconds of a processor."""

_TOGETHER = {
    **dict.fromkeys(ASK_POSTCARD, "those that ask Postcard"),
    **dict.fromkeys(FORK_ENGINES, "those that fork engines"),
    **dict.fromkeys(ASK_BY_LITELLM, "those that ask by LiteLLM"),
}


class ByServer(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file at a time to each process, and those together."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return _TOGETHER.get(file, file)
