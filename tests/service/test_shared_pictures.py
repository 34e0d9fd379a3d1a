"""Pictures in the making, over the shipped fake engine."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence

import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import FINGERPRINT
from safelight.adapters.metrics import PrometheusTelemetry
from safelight.contract.errors import DrawingCancelled, InternalError
from safelight.contract.requests.order import Order
from safelight.protocol.messages import Preview
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.drawing.finishing.review import all_may_be_shown
from safelight.service.drawing.finishing.signing import Signing
from safelight.service.drawing.shared_pictures import SharedPicture, SharedPictures
from tests.api.conftest import until
from tests.orders import changed, order


def job() -> Order:
    return order(
        id="one",
        model="m",
        source="s",
        prompt="a fox",
        negative_prompt="",
        width=1344,
        height=768,
        seed=7,
        output_format="png",
    )


async def test_previews_come_only_while_somebody_looks() -> None:
    engine = FakeEngine(["s"])
    engine.gate.clear()
    picture = SharedPicture(job(), engine, all_may_be_shown, Signing())
    seen: list[Preview] = []
    looked_at: list[int] = []
    follow = picture.follow(lambda step, steps: looked_at.append(step))
    follow.__enter__()
    flying = asyncio.create_task(picture.run())
    await asyncio.sleep(0)
    enough = asyncio.Event()

    def look(preview: Preview) -> None:
        seen.append(preview)
        if len(seen) == 2:
            engine.gate.clear()
            enough.set()

    with picture.view(look, 256):
        engine.gate.set()
        await enough.wait()
    engine.gate.set()
    assert await flying is not None
    assert len(looked_at) == 4
    assert 2 <= len(seen) < 4
    assert Image.open(io.BytesIO(seen[0].image)).size == (256, 146)


def test_who_asked_is_no_part_of_the_picture() -> None:

    twin = changed(job(), id="two", group="key", weight=3.0, exact=False)
    assert twin.identity == job().identity
    assert changed(job(), compression=5).identity != job().identity


@pytest.mark.parametrize(
    ("alone", "drawings"),
    [((False, False), 1), ((False, True), 2), ((True, False), 2), ((True, True), 2)],
    ids=["two plain ones share", "a suspect joins nobody", "nobody joins a suspect", "nor do suspects each other"],
)
async def test_what_is_to_be_drawn_alone_shares_no_drawing(alone: Sequence[bool], drawings: int) -> None:
    engine, admission = FakeEngine(["s"]), Admission(100.0)
    engine.gate.clear()
    pictures = SharedPictures(engine, admission, PrometheusTelemetry(), all_may_be_shown, Signing())
    seen = []
    for number, suspect in enumerate(alone):
        wanted = changed(job(), id=f"{number}", alone=suspect)
        picture = pictures.under_way(wanted) or pictures.start(wanted, admission.admit([wanted])[0])
        picture.join()
        seen.append(picture)
    assert len(set(map(id, seen))) == len(pictures.waiting) == drawings
    engine.gate.set()
    await pictures.ended()
    first, second = [await picture.outcome() for picture in seen]
    assert first.image == second.image
    assert not pictures.waiting


async def test_a_fault_of_ours_is_told_to_who_waits_and_its_cause_is_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture = SharedPicture(job(), FakeEngine(["s"]), all_may_be_shown, Signing())

    def fails(step: int, steps: int) -> None:
        raise ValueError("a fault of ours")

    with picture.follow(fails):
        assert await picture.run() is None
    with pytest.raises(InternalError, match="its log says why"):
        await picture.outcome()
    assert "drawing_failed" in capsys.readouterr().out


async def test_what_the_engine_says_of_a_picture_that_failed_is_told() -> None:
    picture = SharedPicture(changed(job(), source="another"), FakeEngine(["s"]), all_may_be_shown, Signing())
    assert await picture.run() is None
    with pytest.raises(InternalError, match="No worker was told to load that model"):
        await picture.outcome()


async def test_a_picture_that_was_given_up_makes_way_for_the_same_one_asked_for_again() -> None:
    engine, admission = FakeEngine(["s"]), Admission(100.0)
    engine.gate.clear()
    pictures = SharedPictures(engine, admission, PrometheusTelemetry(), all_may_be_shown, Signing())
    first = pictures.start(job(), admission.admit([job()])[0])
    first.join()
    await until(lambda: engine.submitted)
    first.leave()
    again = changed(job(), id="two")
    assert pictures.under_way(again) is None
    second = pictures.start(again, admission.admit([again])[0])
    second.join()
    with pytest.raises(DrawingCancelled):
        await first.outcome()
    third = changed(job(), id="three")
    assert pictures.under_way(third) is second, "the first one's end does not take it away"
    engine.gate.set()
    await pictures.ended()
    assert (await second.outcome()).job_id == "two"


@pytest.mark.parametrize(("began_with", "drawings"), [(None, 1), (FINGERPRINT, 1), ("other", 2)])
async def test_what_was_begun_before_shares_a_drawing_of_its_own_fingerprint_alone(
    began_with: str | None, drawings: int
) -> None:
    engine, admission = FakeEngine(["s"]), Admission(100.0)
    engine.gate.clear()
    pictures = SharedPictures(engine, admission, PrometheusTelemetry(), all_may_be_shown, Signing())
    first = pictures.start(job(), admission.admit([job()])[0])
    first.join()
    await until(lambda: first.began_with is not None)
    again = changed(job(), id="two", began_with=began_with)
    picture = pictures.under_way(again) or pictures.start(again, admission.admit([again])[0])
    picture.join()
    assert len({id(first), id(picture)}) == drawings
    engine.gate.set()
    assert (await first.outcome()).image == (await picture.outcome()).image
    await pictures.ended()
