"""The page with Postcard behind it: true pictures, and the screenshots of docs/studio.md."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import Browser, Page, expect

from tests.clients.process import serving
from tests.studio.visit import PHONE, Visit, arrive, settle, visiting

# Drawn when screenshots are asked for; a plain run draws the first alone.
_PROMPTS = (
    ("a lighthouse on a cliff at sunset", "16:9"),
    ("two sailboats on a calm sea at night", "1:1"),
    ("a red fox in a snowy forest", "4:5"),
    ("a hot air balloon over mountains at dawn", "3:2"),
    ("a village in the rain at night", "5:4"),
    ("a snowman in front of a cabin", "2:3"),
    ("a palm tree on a beach at sunset", "16:9"),
    ("a windmill in a field of flowers", "1:1"),
)
_SEED = "7"
_LONGEST_SECONDS = 90


@pytest.fixture
def screenshots() -> Path | None:
    folder = os.environ.get("SAFELIGHT_SCREENSHOTS")
    return Path(folder) if folder else None


def _draw(visit: Visit, prompt: str, shape: str) -> str:
    page = visit.page
    page.get_by_role("radio", name=re.compile(f"^{shape},")).check(force=True)
    page.get_by_label("Seed", exact=True).fill(_SEED)
    visit.generate(prompt)
    picture = page.get_by_title("Open the picture").get_by_role("img", name=prompt)
    expect(picture).to_have_class(re.compile("there"), timeout=_LONGEST_SECONDS * 1000)
    return str(page.get_by_title("Open the picture").get_attribute("href")).rpartition("/")[2]


def _edit(visit: Visit, job: str, prompt: str) -> str:
    """Edit that picture; the job of the edit."""
    page = visit.page
    visit.open(f"#/gallery/{job}")
    page.get_by_role("button", name="Edit this").click()
    visit.shows("#/")
    expect(page.get_by_role("list", name="Pictures to draw from")).to_be_visible()
    visit.generate(prompt)
    picture = page.get_by_title("Open the picture").get_by_role("img", name=prompt)
    expect(picture).to_have_class(re.compile("there"), timeout=_LONGEST_SECONDS * 1000)
    return str(page.get_by_title("Open the picture").get_attribute("href")).rpartition("/")[2]


def _light(visit: Visit, job: str) -> float:
    """How light a picture is at its top, where the sky is; 0 to 255."""
    with Image.open(io.BytesIO(visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image").body())) as picture:
        return ImageStat.Stat(picture.convert("L").crop((0, 0, picture.width, picture.height // 3))).mean[0]


def _shoot_edits(visit: Visit, job: str, folder: Path) -> None:
    page = visit.page
    night = _edit(visit, job, "a lighthouse on a cliff at night")
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(0)
    visit.open(f"#/before/{night}")
    expect(page.get_by_role("slider")).to_be_visible()
    _shoot(page, folder / "before.jpg")
    visit.open(f"#/gallery/{night}")
    _shoot(page, folder / "chain.jpg")
    visit.open("#/")
    page.get_by_role("button", name="Paint a mask").click()
    stage = page.get_by_role("application")
    expect(stage).to_be_focused()
    arrive(page)
    box = stage.bounding_box()
    assert box is not None

    def go(x: float, y: float) -> None:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)

    go(0.2, 0.2)
    page.mouse.down()
    for x, y in ((0.75, 0.22), (0.7, 0.35), (0.3, 0.3)):
        go(x, y)
    page.mouse.up()
    _shoot(page, folder / "mask.jpg")
    page.get_by_role("button", name="Done").click()
    expect(stage).to_have_count(0)
    visit.prompt.fill("add clouds")
    _shoot(page, folder / "edit.jpg")


def _shoot(page: Page, path: Path) -> None:
    arrive(page)
    page.evaluate(
        """() => Promise.all([
            ...[...document.images]
                .filter(image => image.loading !== 'lazy')
                .map(image => image.decode().catch(() => undefined))
        ])"""
    )
    settle(page)
    page.screenshot(path=path, type="jpeg", quality=82)


def _shoot_all(browser: Browser, visit: Visit, folder: Path) -> None:
    for job in visit.jobs():  # the first is drawn again, as the last
        address, headers = f"{visit.url}/v1/jobs/{job['id']}", {"content-type": "application/json"}
        assert visit.context.request.delete(address, headers=headers).ok
    ids = [_draw(visit, prompt, shape) for prompt, shape in reversed(_PROMPTS)][::-1]
    page = visit.page
    visit.open("#/")
    expect(page.get_by_title("Open the picture").get_by_role("img")).to_have_class(re.compile("there"))
    _shoot(page, folder / "draw.jpg")
    visit.open("#/gallery")
    expect(page.get_by_role("listitem").get_by_role("img")).to_have_count(len(_PROMPTS))
    _shoot(page, folder / "gallery.jpg")
    visit.open(f"#/compare/{ids[0]}/{ids[6]}")
    expect(page.get_by_role("slider")).to_be_visible()
    _shoot(page, folder / "compare.jpg")
    for name, size, scheme in (("phone", PHONE, "dark"), ("light", (1280, 800), "light")):
        with visiting(browser, visit.url, visit.key, size=size, scheme=scheme) as other:
            other.open(f"#/gallery/{ids[0]}" if name == "light" else "#/")
            expect(other.page.get_by_role("img", name=_PROMPTS[0][0]).first).to_be_visible()
            _shoot(other.page, folder / f"{name}.jpg")
    visit.open("#/grid")
    visit.prompt.fill("a fox in a forest")
    page.get_by_label("Across varies").select_option("Prompt")
    page.get_by_label("One prompt on each line").fill("a fox in a forest\na fox on a beach\na fox in the snow")
    page.get_by_label("Down varies").select_option("Shape")
    page.get_by_label("Values, separated by commas").last.fill("16:9, 21:9")
    page.get_by_role("button", name="Draw 6 pictures").click()
    expect(page.get_by_role("table").get_by_role("img")).to_have_count(6, timeout=_LONGEST_SECONDS * 1000)
    _shoot(page, folder / "grid.jpg")
    _shoot_edits(visit, ids[0], folder)


@pytest.mark.timeout(600)
def test_a_true_picture_is_drawn_and_kept(browser: Browser, tmp_path: Path, screenshots: Path | None) -> None:
    with serving(tmp_path, engine="local") as served, visiting(browser, served.url, served.new_key()) as visit:
        expect(visit.page.get_by_role("button", name="Generate")).to_be_visible()
        visit.prompt.fill("a photo of a fox")
        # It is said once the model is there.
        expect(visit.page.get_by_text(re.compile("no photographs"))).to_be_visible(timeout=_LONGEST_SECONDS * 1000)
        job = _draw(visit, *_PROMPTS[0])
        kept = visit.context.request.get(f"{visit.url}/v1/jobs/{job}/image").body()
        with Image.open(io.BytesIO(kept)) as picture:
            assert picture.size == (1344, 768)
            colours = picture.convert("RGB").resize((64, 36)).getcolors(64 * 36)
        assert colours is not None
        assert len(colours) > 100
        night = _edit(visit, job, "a lighthouse on a cliff at night")
        assert _light(visit, night) < 0.7 * _light(visit, job)
        visit.page.get_by_role("button", name="Remove picture 1").click()
        visit.page.get_by_label("Model").select_option("stable-image-ultra")
        if screenshots is not None:
            screenshots.mkdir(parents=True, exist_ok=True)
            _shoot_all(browser, visit, screenshots)
            assert {path.stem for path in screenshots.glob("*.jpg")} >= {"draw", "gallery", "compare", "grid", "phone"}
