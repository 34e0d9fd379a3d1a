"""What an operator can meet is written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.api.app import ROUTES

ROOT = Path(__file__).parent.parent
API = (ROOT / "docs" / "api.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize(("path", "method"), [(route.path, route.method) for route in ROUTES if route.operation])
def test_every_route_is_documented(path: str, method: str) -> None:
    assert f"`{method} {path}`" in API, f"Say in docs/api.md what `{method} {path}` does, by that name."


def test_every_metric_is_documented() -> None:
    families = list(PrometheusTelemetry().registry.collect())
    assert len(families) > 10
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"`{name}`" in OPERATIONS, name


def test_every_error_code_that_the_contract_names_is_documented() -> None:
    errors = (ROOT / "src" / "safelight" / "contract" / "errors.py").read_text()
    table = errors.split('"""')[1]
    codes = {word.strip(",;") for line in table.splitlines() for word in line.split() if "_" in word and word.islower()}
    assert {"invalid_value", "internal_error", "shutting_down"} <= codes
    for code in codes:
        assert f"`{code}`" in API, code


def test_nobody_is_told_to_install_a_package_that_is_on_no_index() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        assert not re.search(r"(pip|pipx|uv) install ['\"]?safelight", document.read_text()), document.name


def test_every_file_that_a_document_links_to_exists() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_heading_that_a_document_links_to_exists() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    anchors = {document.resolve(): _anchors(document.read_text()) for document in documents}
    seen = 0
    for document in documents:
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", document.read_text()):
            page = (document.parent / target).resolve() if target else document.resolve()
            assert anchor in anchors[page], f"{document.name} links to {target}#{anchor}"
            seen += 1
    assert seen > 20


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings, and those that are written out."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    made = {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'id="([^"]+)"', text))


def test_every_page_is_found_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", (ROOT / "README.md").read_text()))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {
        "log.md",
        "index.md",
    }  # for contributors: CONTRIBUTING.md; the front page of the site
    assert pages - linked == set()
