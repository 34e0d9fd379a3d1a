"""What the `LinkStore` port promises, held by the memory's and the state folder's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from safelight.adapters.fake.memory_state import MemoryLinks
from safelight.adapters.home.links import FileLinks
from safelight.service.access.links import LinkStore


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LinkStore:
    return MemoryLinks() if request.param == "memory" else FileLinks(tmp_path)


def test_a_link_is_taken_once_with_its_end_as_it_was_said(store: LinkStore) -> None:
    assert store.take("aa") is None
    store.add("aa", 1_795_348_800.1234567, 1_795_348_200.0)
    store.add("bb", 1_795_348_801.0, 1_795_348_201.0)
    assert store.take("aa") == 1_795_348_800.1234567
    assert store.take("aa") is None
    assert store.take("bb") == 1_795_348_801.0


def test_one_that_has_ended_is_there_until_the_next_is_added(store: LinkStore) -> None:
    store.add("ended", 10.0, 1.0)
    store.add("ends now", 20.0, 1.0)
    store.add("next", 30.0, 20.0)
    assert store.take("ended") is None
    assert store.take("ends now") == 20.0
    store.add("last", 40.0, 1000.0)
    assert store.take("last") == 40.0


def test_of_several_takers_at_once_one_gets_it(store: LinkStore) -> None:
    with ThreadPoolExecutor(4) as takers:
        for number in range(50):
            store.add(f"{number}", 10.0, 1.0)
            taken = list(takers.map(store.take, [f"{number}"] * 4))
            assert sorted(end for end in taken if end is not None) == [10.0]
