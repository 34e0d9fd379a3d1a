"""What keys may have, where they say nothing of their own."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from safelight.contract.records.quotas import GROUP_NAME, QuotaName

Most = Annotated[float, Field(ge=0, le=1e12)]


def _check_names(groups: dict[str, dict[QuotaName, float]]) -> dict[str, dict[QuotaName, float]]:
    for name in groups:
        if not GROUP_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a group; take letters, digits and . _ - (at most 100)")
    return groups


class AccessSettings(BaseModel):
    """Quotas of keys and of groups of keys, and who may change keys."""

    quotas: dict[QuotaName, Most] = Field(
        default_factory=dict,
        description="What each key may use in a day and a month of UTC, where it has no quota of its own of that name.",
    )
    group_quotas: Annotated[dict[str, dict[QuotaName, Most]], AfterValidator(_check_names)] = Field(
        default_factory=dict,
        description="What the keys of a group may use together, by the group's name; `safelight keys group` says more.",
    )
    api_key_is_admin: bool = Field(
        False, description="Whether the key of the setting `api_key` may make and change keys."
    )
