"""Drawing from pictures: of the gallery or from files, with a mask, and what a picture was made from."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from tests.clients.process import Served
from tests.studio.test_for_everybody import Axe, axe
from tests.studio.visit import PHONE, Visit, arrive, visiting

__all__ = ["axe"]  # a fixture

_ROW = "Pictures to draw from"


def _file(
    name: str, colour: str = "teal", size: tuple[int, int] = (320, 192), output_format: str = "PNG"
) -> FilePayload:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, output_format)
    return {"name": name, "mimeType": f"image/{output_format.lower()}", "buffer": file.getvalue()}


def _sha256(file: bytes | FilePayload) -> str:
    return hashlib.sha256(file if isinstance(file, bytes) else file["buffer"]).hexdigest()


def _asked(visit: Visit) -> dict[str, Any]:
    """What the newest job was asked for."""
    asked: dict[str, Any] = visit.jobs()[0]["request"]
    return asked


def _bytes(visit: Visit, path: str) -> bytes:
    answer = visit.context.request.get(f"{visit.url}/v1/jobs/{path}")
    assert answer.ok, answer.text()
    return answer.body()


def _choose(visit: Visit, *files: FilePayload) -> Locator:
    """Choose files to draw from; the row of them."""
    visit.page.get_by_label("Model").select_option("postcard")
    visit.page.get_by_label("Draw from a picture").set_input_files(list(files))
    pictures = visit.page.get_by_role("list", name=_ROW).get_by_role("button", name=re.compile("^Picture"))
    expect(pictures).to_have_count(len(files))
    return pictures


def _paint(page: Page) -> Locator:
    """Begin to paint a mask; where that is done, once the picture has its place there."""
    page.get_by_role("button", name="Paint a mask").click()
    stage = page.get_by_role("application", name="The picture with its mask")
    expect(stage).to_be_focused()
    # The room for the picture is measured after it was laid out, twice where a bar of tools has become higher.
    page.wait_for_function(
        """async stage => {
            const box = () => JSON.stringify(stage.querySelector('img').getBoundingClientRect())
            const before = box()
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
            return box() === before && stage.querySelector('img').clientWidth > 0
        }""",
        arg=stage.element_handle(),
    )
    return stage


def _painted(page: Page) -> None:
    """The mask is done, and the form can be written in again."""
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("application")).to_have_count(0)


def _mask(visit: Visit) -> Image.Image:
    """The mask of the newest job."""
    job = visit.jobs()[0]
    place = len(job["request"]["images"])
    mask = Image.open(io.BytesIO(_bytes(visit, f"{job['id']}/inputs/{place}")))
    assert mask.convert("RGBA").getchannel("A").getextrema() == (255, 255)  # opaque: then grey decides
    return mask.convert("L")


def _at(mask: Image.Image, x: float, y: float) -> int:
    """The grey at a place of the whole, 0 to 1."""
    grey = mask.getpixel((round(x * (mask.width - 1)), round(y * (mask.height - 1))))
    assert isinstance(grey, int)
    return grey


def test_a_picture_of_the_gallery_is_edited_and_both_know_of_each_other(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("16:9, 1344 by 768 pixels").check(force=True)
    job = visit.draw("a lighthouse")
    visit.open(f"#/gallery/{job}")
    page.get_by_role("button", name="Edit this").click()
    visit.shows("#/")
    expect(page.get_by_text("stable-image-ultra draws from words alone: postcard is chosen.")).to_be_visible()
    expect(page.get_by_role("list", name=_ROW).get_by_role("listitem")).to_have_count(1)
    edited = visit.draw("make it night")
    asked = _asked(visit)
    assert edited != job
    assert [picture["sha256"] for picture in asked["images"]] == [_sha256(_bytes(visit, f"{job}/image"))]
    assert (asked["model"], asked["prompt"], asked["size"]) == ("postcard", "make it night", "1344x768")

    visit.open(f"#/gallery/{edited}")
    page.reload()  # what is remembered survives it
    made_from = page.get_by_role("region", name="Made from")
    expect(made_from.get_by_role("img")).to_have_js_property("naturalWidth", 1344)
    page.get_by_role("link", name="Before and after").click()
    expect(page.get_by_role("img", name="Before: a lighthouse")).to_have_js_property("naturalWidth", 1344)
    expect(page.get_by_role("img", name="After: make it night")).to_have_js_property("naturalWidth", 1344)
    page.get_by_role("slider", name="How much of the earlier picture is seen").press("End")
    expect(page.get_by_role("row", name="Prompt a lighthouse make it night")).to_be_visible()
    page.get_by_role("link", name="Back to the picture").click()
    visit.shows(f"#/gallery/{edited}")
    made_from.get_by_role("link", name="Picture 1 that it was made from").click()
    visit.shows(f"#/gallery/{job}")
    page.get_by_role("region", name="Edits of it").get_by_role("link").click()
    visit.shows(f"#/gallery/{edited}")
    page.keyboard.press("e")
    row = page.get_by_role("list", name=_ROW)
    expect(row.get_by_role("button", name="Picture 1: make it night")).to_be_visible()


def test_files_are_put_in_order_and_removed_by_keys_and_by_dragging(visit: Visit) -> None:
    page = visit.page
    files = [_file("one.png", "red"), _file("two.webp", "green", output_format="WEBP"), _file("three.png", "blue")]
    pictures = _choose(visit, *files)
    pictures.nth(2).press("Home")
    expect(pictures.first).to_have_accessible_name("Picture 1: three.png")
    expect(pictures.first).to_be_focused()
    pictures.first.press("ArrowRight")
    expect(pictures.nth(1)).to_have_accessible_name("Picture 2: three.png")
    pictures.nth(2).hover()
    page.mouse.down()
    pictures.first.hover()
    page.mouse.up()
    expect(pictures.first).to_have_accessible_name("Picture 1: two.webp")
    page.get_by_role("button", name="Remove picture 2").click()
    expect(pictures).to_have_count(2)
    visit.draw("both")
    assert [picture["sha256"] for picture in _asked(visit)["images"]] == [_sha256(files[1]), _sha256(files[2])]
    pictures.first.press("Delete")
    expect(pictures).to_have_count(1)
    pictures.first.press("Delete")
    expect(page.get_by_role("list", name=_ROW)).to_have_count(0)


def test_the_form_says_what_the_model_takes(visit: Visit) -> None:
    page, button = visit.page, visit.page.get_by_role("button", name="Generate")
    pictures = _choose(visit, *(_file(f"{n}.png", f"#0000{n}0") for n in range(5)))
    expect(button).to_have_accessible_description("postcard takes at most 4 pictures.")
    expect(page.get_by_label("Add a picture")).to_have_count(0)
    pictures.first.press("Delete")
    expect(button).to_have_accessible_description("Write what should change.")
    page.get_by_label("Strength").fill("0.35")
    page.get_by_label("Model").select_option("stable-image-ultra")
    expect(button).to_have_accessible_description("stable-image-ultra draws from words alone.")
    expect(page.get_by_label("Strength")).to_have_count(0)
    expect(page.get_by_role("button", name="Paint a mask")).to_have_count(0)
    page.get_by_role("button", name="Use postcard").click()
    visit.draw("four into one")
    assert (_asked(visit)["strength"], _asked(visit)["size"]) == (0.35, "320x192")
    page.get_by_role("button", name="Reset the strength").click()
    page.get_by_label("Same size as the picture").uncheck()
    page.get_by_label("3:2, 1216 by 832 pixels").check(force=True)
    visit.draw("four into a larger one")
    assert (_asked(visit).get("strength"), _asked(visit)["size"]) == (None, "1216x832")


def test_what_is_no_picture_says_so_and_what_the_server_does_not_read_is_sent_as_png(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Draw from a picture").set_input_files(
        {"name": "notes.png", "mimeType": "image/png", "buffer": b"No picture."}
    )
    expect(page.get_by_text("notes.png is not a picture that this browser can show.")).to_be_visible()
    _choose(visit, _file("old.bmp", "purple", (96, 64), "BMP"))
    visit.draw("from a bitmap")
    sent = Image.open(io.BytesIO(_bytes(visit, f"{visit.jobs()[0]['id']}/inputs/0")))
    assert (sent.format, sent.size, sent.convert("RGB").getpixel((5, 5))) == ("PNG", (96, 64), (128, 0, 128))


def test_files_are_dropped_and_pasted_to_be_drawn_from(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("Model").select_option("postcard")
    send = """([kind, x, bytes, name]) => {
        const data = new DataTransfer()
        data.items.add(new File([Uint8Array.from(bytes)], name, {type: 'image/png'}))
        const how = {dataTransfer: data, clipboardData: data, clientX: x, bubbles: true, cancelable: true}
        if (kind === 'paste') return void window.dispatchEvent(new ClipboardEvent('paste', how))
        for (const type of ['dragenter', 'dragover', 'drop']) window.dispatchEvent(new DragEvent(type, how))
    }"""
    for kind, x, name in (("drop", 1200, "dropped.png"), ("paste", 0, "pasted.png")):
        page.evaluate(send, [kind, x, list(_file(name)["buffer"]), name])
        expect(page.get_by_role("button", name=re.compile(f"Picture . {name}"))).to_have_count(0)
        expect(page.get_by_role("button", name=re.compile(f"Picture \\d: {name}"))).to_be_visible()
    page.evaluate(send, ["drop", 10, list(_file("left.png")["buffer"]), "left.png"])
    expect(page.get_by_text("left.png holds no settings.")).to_be_visible()


def test_a_mask_is_painted_erased_undone_and_comes_back(visit: Visit) -> None:
    page, keyboard, mouse = visit.page, visit.page.keyboard, visit.page.mouse
    _choose(visit, _file("sea.png", size=(640, 400)), _file("other.png"))
    stage = _paint(page)
    picture = stage.locator("img").bounding_box()
    assert picture is not None

    def go(x: float, y: float) -> None:
        mouse.move(picture["x"] + x * picture["width"], picture["y"] + y * picture["height"])

    size = page.get_by_role("slider", name="Size")
    before = size.get_attribute("aria-valuetext")
    go(0.2, 0.5)
    mouse.wheel(0, -200)
    expect(size).not_to_have_attribute("aria-valuetext", str(before))
    for _ in range(3):
        keyboard.press("[")
    mouse.down()
    go(0.8, 0.5)
    mouse.up()
    keyboard.press("e")
    expect(page.get_by_role("button", name="Eraser")).to_have_attribute("aria-pressed", "true")
    go(0.5, 0.3)
    mouse.down()
    go(0.5, 0.7)
    mouse.up()
    keyboard.press("Control+z")
    keyboard.press("Control+Shift+z")
    keyboard.press("i")
    keyboard.press("Control+z")
    _painted(page)
    visit.draw("waves")
    mask = _mask(visit)
    assert mask.size == (640, 400)
    assert [_at(mask, x, y) for x, y in ((0.25, 0.5), (0.75, 0.5), (0.5, 0.5), (0.25, 0.1), (0.5, 0.9))] == [
        255,
        255,
        0,
        0,
        0,
    ]

    # The mask goes with the first picture, and all of it comes back.
    first = _asked(visit)
    page.get_by_role("button", name="Remove picture 1").click()
    expect(page.get_by_role("button", name="Paint a mask")).to_be_visible()
    visit.choose("Reuse", "Everything")
    page.get_by_role("button", name="Change the mask").click()
    expect(stage).to_be_focused()
    keyboard.press("Escape")
    expect(stage).to_have_count(0)
    with page.expect_response("**/v1/images/edits"):
        page.get_by_role("button", name="Generate").click()
    assert {name: _asked(visit)[name] for name in ("images", "mask")} == {
        name: first[name] for name in ("images", "mask")
    }
    page.get_by_role("button", name="Remove the mask").click()
    expect(page.get_by_role("button", name="Paint a mask")).to_be_visible()


def test_a_mask_is_painted_with_keys_a_soft_brush_and_near(visit: Visit) -> None:
    page, keyboard = visit.page, visit.page.keyboard
    _choose(visit, _file("sea.png", size=(640, 400)))
    stage = _paint(page)
    board = stage.locator("img")
    wide = board.evaluate("image => image.getBoundingClientRect().width")
    keyboard.press("+")
    assert board.evaluate("image => image.getBoundingClientRect().width") == pytest.approx(1.5 * wide, rel=0.01)
    page.get_by_label("Soft edge").fill("1")
    stage.focus()
    keyboard.press("Enter")
    for _ in range(4):
        keyboard.press("Shift+ArrowRight")
    keyboard.press("Enter")
    _painted(page)
    visit.draw("waves")
    greys = [_at(_mask(visit), 0.6, y / 400) for y in range(150, 251)]
    assert max(greys) == 255
    assert len({grey for grey in greys if 0 < grey < 255}) > 5
    assert greys == sorted(greys[:51]) + sorted(greys[51:], reverse=True)


def test_fingers_zoom_and_a_pen_presses(browser: Browser, served: Served, axe: Axe) -> None:
    with visiting(browser, served.url, served.new_key(), size=PHONE) as visit:
        page = visit.page
        _choose(visit, _file("sea.png", size=(640, 400)), _file("two.png"))
        assert axe.look(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        stage = _paint(page)
        assert axe.look(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        send = """(stage, [type, list]) => {
            const box = stage.querySelector('img').getBoundingClientRect()
            for (const [kind, id, x, y, pressure] of list) stage.dispatchEvent(new PointerEvent(`pointer${kind}`, {
                pointerId: id, pointerType: type, pressure,
                clientX: box.x + x * box.width, clientY: box.y + y * box.height,
                bubbles: true, cancelable: true, button: kind === 'move' ? -1 : 0, buttons: kind === 'up' ? 0 : 1,
            }))
        }"""
        page.evaluate("Element.prototype.setPointerCapture = () => undefined")  # made-up pointers cannot be captured
        width = "stage => stage.querySelector('img').getBoundingClientRect().width"
        before = stage.evaluate(width)
        two = [["down", 1, 0.4, 0.5, 1], ["down", 2, 0.6, 0.5, 1], ["move", 2, 0.8, 0.5, 1]]
        stage.evaluate(send, ["touch", two])
        page.wait_for_function(
            "([stage, before]) => stage.querySelector('img').getBoundingClientRect().width > 1.5 * before",
            arg=[stage.element_handle(), before],
        )
        stage.evaluate(send, ["touch", [["up", 1, 0.4, 0.5, 0], ["up", 2, 0.8, 0.5, 0]]])
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()  # two fingers paint nothing
        page.get_by_role("button", name="Whole picture").click()
        for y, pressure in ((0.25, 0.1), (0.75, 1.0)):
            line = [["down", 3, 0.2, y, pressure], ["move", 3, 0.8, y, pressure], ["up", 3, 0.8, y, 0]]
            stage.evaluate(send, ["pen", line])
        _painted(page)
        visit.draw("waves")
        mask = _mask(visit)
        light, hard = (sum(_at(mask, 0.5, (y + i) / 400) > 127 for i in range(200)) for y in (0, 200))
        assert 0 < 2 * light < hard
        visit.open(f"#/gallery/{visit.jobs()[0]['id']}")
        expect(page.get_by_role("img", name="The mask")).to_be_visible()
        assert axe.look(page) == []
        page.get_by_role("link", name="Before and after").click()
        visit.shows("#/before")
        arrive(page)
        assert axe.look(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_loras_are_chosen_with_weights(visit: Visit, axe: Axe) -> None:
    page, sent = visit.page, list[dict[str, Any]]()

    def with_loras(route: Route) -> None:
        listed = route.fetch().json()
        capabilities = listed["data"][1]["capabilities"]
        capabilities["loras"] = ["ink", "grain", "fog", "snow", "night"]
        capabilities["parameters"]["loras"]["weights"] = {"night": 0.5}
        route.fulfill(json=listed)

    def note(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        route.continue_()

    visit.context.route("**/v1/models", with_loras)
    visit.context.route("**/v1/images/generations", note)
    page.reload()
    page.get_by_label("Model").select_option("postcard")
    group = page.get_by_role("group", name="LoRAs")
    for name in ("ink", "grain", "fog", "night"):
        group.get_by_label("Add a LoRA").select_option(name)
    expect(group.get_by_label("Add a LoRA")).to_have_count(0)  # no more than four
    group.get_by_role("slider", name="Weight of ink").fill("-4")
    group.get_by_label("Weight of grain as a number").fill("9")
    group.get_by_label("Weight of grain as a number").press("Tab")
    expect(group.get_by_label("Weight of grain as a number")).to_have_value("1")
    group.get_by_role("button", name="Remove fog").click()
    assert axe.look(page) == []
    visit.prompt.fill("a boat")
    with page.expect_response("**/v1/images/generations"):
        page.get_by_role("button", name="Generate").click()
    assert sent[0]["loras"] == {"ink": -4, "grain": 1, "night": 0.5}


def test_maps_are_chosen_by_name_and_sent_with_words(visit: Visit, axe: Axe) -> None:
    page, sent = visit.page, list[dict[str, Any]]()

    def with_controls(route: Route) -> None:
        listed = route.fetch().json()
        capabilities = listed["data"][1]["capabilities"]
        capabilities["controls"] = ["canny", "depth"]
        capabilities["parameters"]["control"] = {
            "type": "named pictures",
            "required": False,
            "most": 1,
            "in_form": False,
        }
        route.fulfill(json=listed)

    def note(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=400, json={"error": {"message": "Not here.", "type": "x", "param": None, "code": None}})

    visit.context.route("**/v1/models", with_controls)
    visit.context.route("**/v1/images/generations", note)
    page.reload()
    page.get_by_label("Model").select_option("postcard")
    group, edges = page.get_by_role("group", name="Follow a map"), _file("edges.png")
    group.get_by_label("A map for depth").set_input_files(edges)
    expect(group.get_by_label("A map for canny")).to_have_count(0)  # no more than one at a time
    assert axe.look(page) == []
    visit.prompt.fill("a boat")
    with page.expect_response("**/v1/images/generations"):
        page.get_by_role("button", name="Generate").click()
    assert [*sent[0]["control"]] == ["depth"]
    assert base64.b64decode(sent[0]["control"]["depth"]["image_url"].partition(",")[2]) == edges["buffer"]
    group.get_by_role("button", name="Remove depth").click()
    expect(group.get_by_label("A map for canny")).to_have_count(1)


def test_a_model_that_works_only_from_pictures_asks_for_one(visit: Visit) -> None:
    page, button = visit.page, visit.page.get_by_role("button", name="Generate")

    def only_pictures(route: Route) -> None:
        listed = route.fetch().json()
        listed["data"][1]["capabilities"]["generations"] = False
        route.fulfill(json=listed)

    visit.context.route("**/v1/models", only_pictures)
    page.reload()
    page.get_by_label("Model").select_option("postcard")
    expect(button).to_have_accessible_description("postcard works only from a picture. Add one.")
    _choose(visit, _file("a.png"))
    expect(button).to_have_accessible_description("Write what should change.")


_KEPT = """change => new Promise((done, failed) => {
    const asked = indexedDB.open('safelight', 1)
    asked.onerror = failed
    asked.onsuccess = () => {
        const store = asked.result.transaction('form', 'readwrite').objectStore('form')
        const found = store.getAll()
        found.onsuccess = () => {
            for (const each of found.result) if (change) store.put({ ...each, at: each.at + change })
            store.transaction.oncomplete = () => {
                asked.result.close()
                const fresh = each => Date.now() - each.at < 60 * 60 * 1000 ? '' : 'old '
                done(found.result.map(each => each.pictures.map(
                    ({ name, blob, mask }) => `${fresh(each)}${name} ${blob.size}${mask ? ' masked' : ''}`)))
            }
        }
    }
})"""
_DAY = 24 * 60 * 60 * 1000


def _is_kept(visit: Visit, *pictures: FilePayload, masked: bool = False) -> None:
    """Wait until the browser keeps these, and no others, since a moment ago; the first with a mask or without."""
    names = [f"{each['name']} {len(each['buffer'])}" for each in pictures]
    names[:1] = [f"{name} masked" if masked else name for name in names[:1]]
    wanted = json.dumps([names] if names else [])
    visit.page.wait_for_function(f"async () => JSON.stringify(await ({_KEPT})(0)) === JSON.stringify({wanted})")


def test_pictures_and_mask_stay_in_the_form_when_the_page_is_loaded_again(visit: Visit) -> None:
    page, files = visit.page, (_file("sea.png", size=(640, 400)), _file("boat.webp", "navy", output_format="WEBP"))
    pictures = _choose(visit, *files)
    _paint(page)
    page.get_by_role("button", name="Invert").click()
    _painted(page)
    _is_kept(visit, *files, masked=True)
    page.reload()
    expect(pictures).to_have_count(2)
    expect(pictures.first).to_have_accessible_name("Picture 1: sea.png")
    expect(page.get_by_role("button", name="Change the mask")).to_be_visible()
    visit.draw("after a reload")
    assert [picture["sha256"] for picture in _asked(visit)["images"]] == [_sha256(file) for file in files]
    assert _mask(visit).getextrema() == (255, 255)
    pictures.last.press("Delete")
    _is_kept(visit, files[0])
    pictures.first.press("Delete")
    _is_kept(visit)
    page.reload()
    expect(page.get_by_label("Draw from a picture")).to_be_attached()
    expect(pictures).to_have_count(0)


def test_the_form_forgets_pictures_after_a_day_and_with_the_session(visit: Visit) -> None:
    page, file = visit.page, _file("sea.png")
    pictures = _choose(visit, file)
    _is_kept(visit, file)
    page.evaluate(_KEPT, -_DAY + 60_000)
    page.reload()
    expect(pictures).to_have_count(1)
    _is_kept(visit, file)
    page.evaluate(_KEPT, -_DAY - 60_000)
    page.reload()
    _is_kept(visit)
    expect(page.get_by_label("Draw from a picture")).to_be_attached()
    expect(pictures).to_have_count(0)
    _choose(visit, file)
    _is_kept(visit, file)
    visit.choose("Menu", "Sign out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    _is_kept(visit)


def test_another_browser_finds_what_a_picture_was_made_from_and_its_edits(
    visit: Visit, browser: Browser, served: Served
) -> None:
    page = visit.page
    for other in ("of the same size", "a lighthouse"):
        job = visit.draw(other)
    visit.open(f"#/gallery/{job}")
    page.get_by_role("button", name="Edit this").click()
    visit.shows("#/")
    edited = visit.draw("make it night")
    with visiting(browser, served.url, visit.key) as elsewhere:
        page = elsewhere.page
        elsewhere.open(f"#/gallery/{edited}")
        made_from = page.get_by_role("region", name="Made from")
        made_from.get_by_role("link", name="Picture 1 that it was made from").click()
        elsewhere.shows(f"#/gallery/{job}")
        page.evaluate("localStorage.clear()")
        page.reload()
        page.get_by_role("region", name="Edits of it").get_by_role("link").click()
        elsewhere.shows(f"#/gallery/{edited}")
        page.evaluate("localStorage.clear()")
        elsewhere.open(f"#/before/{edited}")
        page.reload()
        expect(page.get_by_role("img", name="Before: a lighthouse")).to_be_visible()
