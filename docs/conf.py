"""Sphinx reads this: the documentation as a site, `make docs`.

https://www.sphinx-doc.org/en/master/usage/configuration.html says what each name means.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from scripts.reference_pages import write  # noqa: E402 - the path is needed first

project = "Safelight"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Safelight"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
# The page is whole without the network: furo loads nothing from elsewhere, and no web font is asked for.
exclude_patterns = ["log.md", "_site"]
myst_enable_extensions = ["linkify"]
myst_linkify_fuzzy_links = False
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # snippets of curl and of bodies are cut for readers

_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]*)(#[^)]*)?\)")
_PAGES = {"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"}


def _in_the_site(text: str, places: dict[str, str]) -> str:
    """A page of the repository's root as a page of the site: what it links to is there too, or becomes plain text."""

    def moved(link: re.Match[str]) -> str:
        target, anchor = link[1], link[2] or ""
        found = places.get(target) or (f"../{target[5:]}" if target.startswith("docs/") else None)
        return f"]({found}{anchor})" if found else "](#)"

    return re.sub(r"\[([^\]]*)\]\(#\)", r"\1", _LINK.sub(moved, text))


def _write_project_pages() -> None:
    folder = DOCS / "project"
    folder.mkdir(exist_ok=True)
    places = {name: f"{name.lower()}" for name in _PAGES}
    for name in _PAGES:
        page = _in_the_site((DOCS.parent / name).read_text(encoding="utf-8"), places)
        (folder / name.lower()).write_text(page.replace("](../log.md)", "](#)"), encoding="utf-8")


def _point_into_the_site(_app: object, _page: str, source: list[str]) -> None:
    """Links of the documentation to files of the repository's root."""
    source[0] = re.sub(
        r"\]\(\.\./([A-Z_]+\.md)", lambda link: f"](project/{link[1].lower()}", source[0].replace("](log.md)", "](#)")
    )
    source[0] = re.sub(r"\[([^\]]*)\]\((?:\.\./src/[^)]*|#)\)", r"\1", source[0])


def setup(app: object) -> None:
    """Sphinx calls this first."""
    write(DOCS / "reference")
    _write_project_pages()
    app.connect("source-read", _point_into_the_site)  # type: ignore[attr-defined]
