"""Errors that say when to ask again."""

from __future__ import annotations

from safelight.contract.errors import StoreUnavailable


def test_a_database_that_is_away_may_be_asked_again_soon() -> None:
    error = StoreUnavailable("The database cannot be reached.")
    assert (error.status, error.code, error.headers["retry-after"]) == (503, "database_unavailable", "5")
