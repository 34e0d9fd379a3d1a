"""Postcard's drawings with a scene that somebody changed: each is drawn from or refused, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.scene_file import written
from tests.clients.process import Served, serving
from tests.hostile.fuzzed_scenes import PROMPTS, Sender, file_with, mutated, scene_of


@pytest.fixture(scope="module")
def draws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that draws with Postcard itself: it is the renderer that strange scenes get to."""
    with serving(tmp_path_factory.mktemp("scenes"), engine="local") as running:
        yield running


def test_changed_scenes_are_drawn_from_or_refused_and_break_nothing(draws: Served) -> None:
    sender = Sender(draws)
    scenes = sender.drawn()
    assert len({*scenes}) == len(PROMPTS)
    assert all(scene_of(file_with(scene)) == scene for scene in scenes)
    sender.send_all(scenes, 80)
    sender.close()
    assert sender.answers.total() == 81
    assert {*sender.answers} == {(200, ""), (400, "invalid_image")}
    assert sender.answers[200, ""] > 8  # strange ones are drawn too
    assert draws.process.poll() is None


def test_the_same_scenes_are_made_again() -> None:
    scene = written(Scene())
    assert [*mutated([scene], 50)] == [*mutated([scene], 50)]
