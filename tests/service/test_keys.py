"""Keys: minted well, shown once, checked in words that help."""

from __future__ import annotations

import re

import pytest

from safelight.adapters.fake.memory_state import MemoryKeyStore
from safelight.contract.errors import AuthenticationFailed, ConfigurationError
from safelight.service.access.keys import Keys, bearer_token
from safelight.service.access.minting import digest_of, mint
from safelight.service.ports.stores.keys import KeyTerms

NOON = 1_795_348_800  # 2026-11-22 12:00 UTC


@pytest.fixture
def store() -> MemoryKeyStore:
    return MemoryKeyStore()


@pytest.fixture
def keys(store: MemoryKeyStore) -> Keys:
    return Keys(store, clock=lambda: NOON + 0.5)


def test_a_key_is_a_prefix_and_256_random_bits() -> None:
    minted = [mint(KeyTerms(), 0) for _ in range(200)]
    assert all(re.fullmatch(r"sl-[A-Za-z0-9_-]{43}", key.text) for key in minted)
    assert len({key.text for key in minted}) == 200
    assert len({key.record.id for key in minted}) == 200


def test_a_record_holds_no_more_of_the_key_than_its_last_four_characters() -> None:
    minted = mint(KeyTerms(name="bob"), NOON)
    assert minted.record.hint == minted.text[-4:]
    assert minted.text[3:-4] not in repr(minted.record)


async def test_the_holder_of_a_key_is_known(keys: Keys) -> None:
    minted = await keys.create("bob", models=("postcard",))
    principal = await keys.authenticate(minted.text)
    assert (principal.key_id, principal.name, principal.models) == (minted.record.id, "bob", ("postcard",))
    assert minted.record.created == NOON


async def test_a_key_has_the_weight_that_it_was_made_with(keys: Keys) -> None:
    heavy, plain = await keys.create("heavy", weight=2.5), await keys.create("plain")
    assert (await keys.authenticate(heavy.text)).weight == await keys.weight(heavy.record.id) == 2.5
    assert (await keys.authenticate(plain.text)).weight == await keys.weight("nobody") == 1.0


@pytest.mark.parametrize("weight", [0, -1, 100.5, float("nan"), float("inf")])
async def test_a_weight_that_would_starve_somebody_is_refused(keys: Keys, weight: float) -> None:
    with pytest.raises(ConfigurationError, match=r"from 0\.01 to 100"):
        await keys.create(weight=weight)


async def test_the_store_keeps_the_sha_256_of_the_text(keys: Keys, store: MemoryKeyStore) -> None:
    minted = await keys.create()
    assert await store.by_digest(digest_of(minted.text)) == minted.record
    assert len(digest_of(minted.text)) == 32


async def test_a_key_is_noted_before_the_store_learns_of_it(keys: Keys, store: MemoryKeyStore) -> None:
    def fail(_text: str) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await keys.create(note=fail)
    assert await store.all() == []


async def test_a_revoked_key_is_refused_with_the_day(keys: Keys) -> None:
    minted = await keys.create()
    await keys.revoke(minted.record.id)
    with pytest.raises(AuthenticationFailed, match="revoked on 2026-11-22"):
        await keys.authenticate(minted.text)


async def test_revoking_twice_keeps_the_first_time(store: MemoryKeyStore) -> None:
    times = iter([1, 2, 3])
    keys = Keys(store, clock=lambda: next(times))
    minted = await keys.create()
    assert (await keys.revoke(minted.record.id)).revoked == 2
    assert (await keys.revoke(minted.record.id)).revoked == 2


async def test_revoking_an_unknown_id_says_so(keys: Keys) -> None:
    with pytest.raises(ConfigurationError, match="no key 'key-0'"):
        await keys.revoke("key-0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sk-" + "a" * 40, "begin with `sl-`"),
        ("sl-" + "a" * 42, "has 45 characters and ours have 46"),
        ("sl-" + "a" * 43, "another server"),
        ("\udcff", "not known"),
    ],
)
async def test_an_unknown_key_is_refused_in_words_that_help_and_do_not_repeat_it(
    keys: Keys, text: str, said: str
) -> None:
    with pytest.raises(AuthenticationFailed, match=said) as caught:
        await keys.authenticate(text)
    assert text not in caught.value.message
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert caught.value.headers == {"www-authenticate": "Bearer"}


async def test_the_key_of_the_environment_is_accepted_as_it_is(store: MemoryKeyStore) -> None:
    keys = Keys(store, "letmein")
    assert (await keys.authenticate("letmein")).key_id == "environment"
    with pytest.raises(AuthenticationFailed):
        await keys.authenticate("letmei")


@pytest.mark.parametrize("name", ["x" * 101, "two\nlines", "\0"])
async def test_a_name_that_would_spoil_the_list_is_refused(keys: Keys, name: str) -> None:
    with pytest.raises(ConfigurationError, match="at most 100 printable"):
        await keys.create(name)


@pytest.mark.parametrize("header", ["Bearer sl-x", "bearer sl-x", "BEARER   sl-x ", " Bearer sl-x"])
def test_the_key_is_found_in_the_header(header: str) -> None:
    assert bearer_token(header) == "sl-x"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "No API key"),
        ("", "No API key"),
        ("   ", "No API key"),
        ("Bearer", "no key after"),
        ("Bearer ", "no key after"),
        ("Basic dTpw", "scheme Bearer"),
        ("sl-x", "scheme Bearer"),
        ("Bearer Bearer sl-x", "more than one word"),
    ],
)
def test_a_malformed_header_is_told_what_is_wrong_with_it(header: str | None, said: str) -> None:
    with pytest.raises(AuthenticationFailed, match=said) as caught:
        bearer_token(header)
    assert "sl-x" not in caught.value.message


async def test_a_key_is_revoked_once_it_was_and_one_that_is_unknown_never_is(keys: Keys) -> None:
    minted = await keys.create("bob")
    assert not await keys.is_revoked(minted.record.id)
    await keys.revoke(minted.record.id)
    assert await keys.is_revoked(minted.record.id)
    assert not await keys.is_revoked("environment")


async def test_the_page_is_the_environments_key_first(store: MemoryKeyStore) -> None:
    await Keys(store).create("bob")
    assert (await Keys(store, environment_key="sl-from-outside").first()).key_id == "environment"
