"""What stands in every answer's head, and how text gets into one."""

# Tested in tests/api/test_routes.py.

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

# nosniff: JSON or a picture is never taken for a page or a script, whatever it holds.
# no-store: what is said to a key is not kept by a proxy for others; what may be kept says so itself.
# same-origin: no page of another origin takes an answer in as a picture or script of its own. Pages of `cors_origins`
# ask by CORS, which this header leaves alone (Fetch standard, "Cross-Origin-Resource-Policy header").
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}
# Visible ASCII and the space, without the percent sign, which begins what is encoded.
_AS_IT_IS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def header_text(text: str) -> str:
    """Text as a header's value: percent-encoded UTF-8 (RFC 3986, 2.1), but for ASCII. `decodeURIComponent` reads it.

    A header is Latin-1 at best, and a model may be called anything. Half of a surrogate pair becomes a question mark.
    """
    return quote(text, safe=_AS_IT_IS, errors="replace")


def drawing_headers(drawn_by: str, seeds: Sequence[int]) -> dict[str, str]:
    """Which model draws, and with which seeds. The header with all seeds comes where there are several."""
    said = {"x-safelight-model": header_text(drawn_by), "x-safelight-seed": str(seeds[0])}
    return said | ({"x-safelight-seeds": ", ".join(map(str, seeds))} if len(seeds) > 1 else {})
