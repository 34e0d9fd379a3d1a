"""The kinds of hosts that draw on a Ray cluster, as they are written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# It becomes a part of a Serve deployment's name, and of Kubernetes' names with a chart.
_KIND = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class HostSettings(BaseModel):
    """One kind of host: a process with one worker, as many of them as the work asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpus: float = Field(
        1.0, ge=0, le=1, description="GPUs of one host: 1, a share like 0.5, or 0 for a host that draws on processors."
    )
    cpus: float = Field(1.0, ge=0, le=1024, description="Processors that Ray keeps for one host.")
    least: int = Field(1, ge=1, le=10_000, description="Hosts that there always are.")
    most: int = Field(
        default_factory=lambda said: said.get("least", 1),
        ge=1,
        le=10_000,
        description="Hosts that there may be. Default: `least`.",
    )
    queue_target_seconds: float = Field(
        20.0, gt=0, le=86_400, description="Seconds of work for each host; where more waits, hosts are added."
    )
    keep_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How long a host that was wanted is kept: as long as one takes to come.",
    )
    accelerator_type: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="Which accelerator it wants where the cluster has several, by Ray's name for it, like L40S.",
    )
    engine: Literal["local", "fake"] = Field(
        "local", description="What draws there: a worker process, or a stand-in that draws stripes."
    )

    @model_validator(mode="after")
    def _fits(self) -> HostSettings:
        if self.most < self.least:
            raise ValueError(f"`most` is {self.most}, fewer than `least`, which is {self.least}")
        if self.accelerator_type is not None and self.gpus == 0:
            raise ValueError("`accelerator_type` names a GPU, and `gpus` is 0; leave one of the two out")
        return self


def _check_kinds(hosts: dict[str, HostSettings]) -> dict[str, HostSettings]:
    for kind in hosts:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r} is no name of a kind; take a-z, 0-9 and - between them (at most 40)")
    return hosts


def enough_for_ray(hosts: dict[str, HostSettings], others: Mapping[str, Any]) -> None:
    """Whether `engine = "ray"` has what it needs; `others` are the settings that were read before.

    SQLite is enough for one api process: hosts know neither the database nor the pictures' place.

    Raises:
        ValueError: something is missing, as a sentence.
    """
    if not hosts:
        raise ValueError('`engine` is "ray", and no table says what draws; write [hosts.l40s] with `most = 4`, or so')
    files = others.get("files")
    if others.get("database") is not None and (files is None or "://" not in files):
        raise ValueError(
            '`engine` is "ray" and `database` is shared, so api processes on other machines must find the pictures; '
            "set `files` to an object store, like s3://bucket/prefix"
        )


Hosts = Annotated[dict[str, HostSettings], AfterValidator(_check_kinds)]
