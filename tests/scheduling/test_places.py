"""Few places are shared among groups, and what waits for its model holds none of the others'."""

from __future__ import annotations

from safelight.scheduling.places import Places


def test_a_group_with_nothing_served_has_a_place_at_once_and_no_more_than_its_share_after() -> None:
    places = Places(lambda: 4, lambda kind: True)
    for n in range(4):
        assert places.judge("a", 1.0, "m") == "now"
        places.take(f"a{n}", "a", 1.0, "m")
    assert places.judge("a", 1.0, "m") == "full"
    for n in range(2):
        assert places.judge("b", 1.0, "m") == "now"
        places.take(f"b{n}", "b", 1.0, "m")
    assert places.judge("b", 1.0, "m") == "full"
    places.leave("a0")
    assert places.judge("a", 1.0, "m") == "full"
    places.leave("a1")
    places.leave("a2")
    assert places.judge("a", 1.0, "m") == "now"


def test_what_waits_for_its_model_holds_no_place_of_others() -> None:
    here = {"ready"}
    places = Places(lambda: 2, here.__contains__)
    for n in range(2):
        assert places.judge("a", 1.0, "loading") == "now"
        places.take(f"loading{n}", "a", 1.0, "loading")
    assert places.judge("a", 1.0, "loading") == "not yet"
    assert places.judge("a", 1.0, "ready") == "now"
    here.add("loading")  # from now on they are served like any other
    assert places.judge("a", 1.0, "ready") == "full"


def test_places_are_free_again_once_and_their_number_is_asked_each_time() -> None:
    most = 1
    places = Places(lambda: most, lambda kind: True)
    places.take("1", "a", 1.0, "m")
    assert places.judge("a", 1.0, "m") == "full"
    most = 2
    assert places.judge("a", 1.0, "m") == "now"
    places.take("2", "a", 1.0, "m")
    assert len(places) == 2
    for _ in range(2):
        places.leave("1")
    assert len(places) == 1
