"""Browser contexts, each lent to one visit after another and emptied in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, CDPSession

_Look = tuple[tuple[str, str], ...]
# What has nothing of the page's, and keeps the process that draws a context's pages between two visits.
_EMPTY = "about:blank"


@dataclass
class _Lent:
    """A context that outlives a visit. A new one takes a new process of Chromium's, which compiles the page's scripts
    anew: 0.15 s of a processor of the 0.53 s that a visit took.
    """

    context: BrowserContext
    session: CDPSession
    free: bool = True

    @classmethod
    def new(cls, browser: Browser, options: dict[str, Any]) -> _Lent:
        context = browser.new_context(**options)
        return cls(context, context.new_cdp_session(context.new_page()))

    def empty(self, origin: str) -> None:
        """Nothing is left of a visit to that origin. A shared worker ends with the last of its pages."""
        for page in self.context.pages[1:]:
            page.close()
        self.context.unroute_all(behavior="ignoreErrors")
        self.context.set_offline(False)
        self.session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self.session.send("Network.clearBrowserCache")
        assert [page.url for page in self.context.pages] == [_EMPTY]


@dataclass
class _Contexts:
    """Those of one browser, by what they look like."""

    kept: dict[_Look, _Lent] = field(default_factory=dict)


_OF: WeakKeyDictionary[Browser, _Contexts] = WeakKeyDictionary()


@contextmanager
def lent(browser: Browser, origin: str, options: dict[str, Any], *, again: bool) -> Iterator[BrowserContext]:
    """A context with nothing in it. Unless it may be used `again`, or while another visit has it, it is a new one."""
    look = tuple(sorted((name, repr(value)) for name, value in options.items()))
    kept = _OF.setdefault(browser, _Contexts()).kept
    if again and look not in kept:
        kept[look] = _Lent.new(browser, options)
    if not again or not kept[look].free:
        context = browser.new_context(**options)
        try:
            yield context
        finally:
            context.close()
        return
    one = kept[look]
    one.free = False
    try:
        yield one.context
    except BaseException:  # nobody knows what is in it
        del kept[look]
        one.context.close()
        raise
    one.empty(origin)
    one.free = True
