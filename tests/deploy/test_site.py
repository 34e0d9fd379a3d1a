"""The documentation as a site: built without a warning, every link leads somewhere, and it needs no network."""

# Broken links between pages are warnings of the builder's, and so errors here.

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from safelight.api.app import ROUTES
from safelight.cli.app import app
from safelight.settings import Settings

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
# Sphinx; nearly all that it makes stays until it ends, so that looking for rubbish takes its time and finds little.
_BUILDER = "import gc, sys; gc.disable(); from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = (sys.executable, "-c", _BUILDER, "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(folder))
    said = subprocess.run(build, capture_output=True, text=True, timeout=500, check=False, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    return folder


def test_every_page_is_in_the_site_and_in_its_search(site: Path) -> None:
    written = {page.stem for page in DOCS.glob("*.md")} - {"log"}
    assert [name for name in sorted(written) if not (site / f"{name}.html").exists()] == []
    searched = (site / "searchindex.js").read_text()
    assert [name for name in sorted(written) if f'"{name}"' not in searched] == []


def test_the_reference_leaves_nothing_out(site: Path) -> None:
    reference = {page.stem: page.read_text() for page in (site / "reference").glob("*.html")}
    assert [name for name in Settings.model_fields if name not in reference["settings"]] == []
    assert [route.path for route in ROUTES if route.operation and route.path not in reference["routes"]] == []
    commands: dict[str, object] = vars(get_command(app))["commands"]
    assert [name for name in commands if f"safelight {name}" not in reference["commands"]] == []
    assert "safelight_requests" in reference["metrics"]


def test_every_link_and_picture_of_the_site_is_there(site: Path) -> None:
    seen = 0
    for page in site.rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            assert (page.parent / target).resolve().exists(), f"{page.relative_to(site)} names {target}"
            seen += 1
    assert seen > 1000


def test_the_site_loads_nothing_from_another_origin(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|link|iframe)\b[^>]*?(?:src|href)="(https?:[^"]+)', page.read_text())
        assert loaded == [], page.name
