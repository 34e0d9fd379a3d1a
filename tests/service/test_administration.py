"""Who may change keys says what they are to be; what is not as it must be is told by its name."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore
from safelight.contract.errors import InvalidRequest, NotFound
from safelight.service.access.administration import Administration, check_models, merged
from safelight.service.ports.stores.keys import KeyTerms


@pytest.fixture
def administration() -> Administration:
    return Administration(MemoryKeyStore(), lambda: 5.0)


async def test_what_is_not_named_stays_as_it_is(administration: Administration) -> None:
    terms = KeyTerms(name="bob", weight=2.0, quotas={"pictures_per_day": 5, "seconds_per_day": 1})
    made = (await administration.create(terms, "cli:x")).record
    changes = {"rate_limit": 7, "quotas": {"pictures_per_day": None, "seconds_per_day": "default"}}
    changed = await administration.change(made.id, changes, "cli:x")
    assert (changed.name, changed.weight, changed.rate_limit) == ("bob", 2.0, 7)
    assert changed.quotas == {"pictures_per_day": None}
    assert await administration.key(made.id) == changed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\nb"),
        ("weight", 0.0),
        ("weight", float("nan")),
        ("rate_limit", -1),
        ("group", "no spaces"),
        ("group", ""),
        ("quotas", {"pictures": 5}),
        ("quotas", {"pictures_per_day": -1}),
        ("quotas", {"pictures_per_day": float("inf")}),
        ("quotas", {"pictures_per_day": True}),
        ("quotas", {"pictures_per_day": "5"}),
    ],
)
async def test_a_term_that_cannot_be_is_named(administration: Administration, field: str, value: Any) -> None:
    made = (await administration.create(KeyTerms(), "cli:x")).record
    with pytest.raises(InvalidRequest) as told:
        await administration.change(made.id, {field: value}, "cli:x")
    assert told.value.param == field
    assert await administration.key(made.id) == made


async def test_what_is_not_there_is_said_to_be_so(administration: Administration) -> None:
    for doing in (
        administration.key("key-0"),
        administration.change("key-0", {}, "x"),
        administration.revoke("key-0", "x"),
        administration.remove_group("team", "x"),
    ):
        with pytest.raises(NotFound):
            await doing


async def test_a_group_keeps_the_quotas_that_are_not_named(administration: Administration) -> None:
    await administration.set_group("team", {"pictures_per_day": 5}, "x")
    await administration.set_group("team", {"seconds_per_day": 9}, "x")
    (group,) = await administration.groups()
    assert group.quotas == {"pictures_per_day": 5, "seconds_per_day": 9}
    await administration.remove_group("team", "x")
    assert await administration.groups() == []


def test_models_are_kept_by_their_ids_each_once() -> None:
    offered = {"postcard": "postcard", "card": "postcard", "ultra": "ultra"}
    assert check_models(("card", "postcard", "ultra"), offered) == ("postcard", "ultra")
    with pytest.raises(InvalidRequest, match="no model 'none'"):
        check_models(("none",), offered)


def test_quotas_merge_one_by_one() -> None:
    assert merged({"pictures_per_day": 1}, {"seconds_per_day": 2}) == {"pictures_per_day": 1, "seconds_per_day": 2}
