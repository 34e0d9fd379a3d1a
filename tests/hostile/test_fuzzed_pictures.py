"""Mutated pictures: each is drawn from or refused as one, and the server is none the worse."""

from __future__ import annotations

import pytest

from tests.clients.process import Served
from tests.hostile.fuzzed_pictures import FORMATS, Sender, mutated


@pytest.mark.parametrize("format_", FORMATS)
def test_broken_files_are_drawn_from_or_refused_and_break_nothing(served: Served, format_: str) -> None:
    sender = Sender(served)
    sender.send_all(format_, 120)
    assert sender.answers.total() == 120
    assert {*sender.answers} == {(200, ""), (400, "invalid_image")}
    assert served.process.poll() is None


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_files_are_made_again(format_: str) -> None:
    assert [*mutated(format_, 20)] == [*mutated(format_, 20)]
