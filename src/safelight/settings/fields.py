"""Every setting: its type, its default, what it may be and what it means."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from safelight.settings.access import AccessSettings
from safelight.settings.serving import ServingSettings
from safelight.settings.sources import PREFIX, Environment, File
from safelight.settings.tables.chat import Chats
from safelight.settings.tables.classifier import ClassifierSettings
from safelight.settings.tables.credentials import CredentialSettings
from safelight.settings.tables.embeddings import Embeddings
from safelight.settings.tables.hosts import Hosts, HostSettings, enough_for_ray
from safelight.settings.tables.loras import Loras, LoraSettings
from safelight.settings.tables.models import Models, ModelSettings, built_in_models


class WorkSettings(BaseModel):
    """How much is accepted, what is drawn for callers, and who may look on."""

    queue_seconds: float = Field(
        60.0, gt=0, description="Work that may wait before more is refused with 503; keys share it by weight."
    )
    request_seconds: float = Field(
        120.0,
        gt=0,
        description="How long drawing one request may take before it is refused with 400. "
        "One picture of 1024x1024 in the model's own steps is always allowed.",
    )
    load_wait_seconds: float = Field(
        120.0, ge=0, description="How long a request waits for its model to load before 503."
    )
    leave_seconds: float = Field(
        0.0,
        ge=0,
        description="How long after SIGTERM requests are still taken while `/readyz` answers 503: as long as a "
        "balancer takes to hear of it.",
    )
    drain_seconds: float = Field(
        30.0,
        ge=0,
        description="How long everything may take after that: drawing on, recording, answers on their way, closing.",
    )
    blocked_prompts: tuple[str, ...] = Field(
        (),
        description="Words, or several in a row; a prompt or negative prompt that holds one of them is refused. "
        "A JSON list in the environment.",
    )
    prompt_filter: str | None = Field(
        None,
        min_length=1,
        description="What judges prompts before they are drawn: an http(s) address, or else a command.",
    )
    image_filter: str | None = Field(
        None,
        min_length=1,
        description="What judges finished pictures before they are shown: an http(s) address, or else a command. With "
        "it there are no previews.",
    )
    image_classifier: ClassifierSettings | None = Field(
        None, description="A classifier that looks at finished pictures before they are shown, and what it refuses."
    )
    filter_seconds: float = Field(10.0, gt=0, le=300, description="How long a filter may take for its verdict.")
    filter_failure: Literal["refuse", "allow"] = Field(
        "refuse", description="What happens where a filter gives no verdict."
    )
    rewrite_seconds: float = Field(
        20.0, gt=0, le=300, description="How long a chat model may take to write a prompt anew, where a model has that."
    )
    metrics: Literal["open", "key", "off"] = Field(
        "open", description="Who may read /metrics: everybody, holders of a key, or nobody."
    )
    tracing: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Where traces are sent: a collector's address for OTLP over HTTP, like http://127.0.0.1:4318.",
    )
    metadata: Literal["provenance", "full", "none"] = Field(
        "provenance",
        description="What is written into pictures: that they are generated; also the whole request; or nothing.",
    )
    signing: CredentialSettings = Field(
        default_factory=lambda: CredentialSettings.model_validate({}),
        description="What pictures are signed with, and whose signatures count.",
    )


class KeepingSettings(BaseModel):
    """What is kept of jobs, and for how long."""

    store: Literal["jobs", "all"] = Field(
        "jobs", description="What is kept: jobs alone, or also the pictures of plain requests, as finished jobs."
    )
    files: str | None = Field(
        None, description="Where pictures are kept: a folder, or a URL like s3://bucket/prefix. Default: <home>/files."
    )
    keep_days: float = Field(30.0, gt=0, le=36_500, description="Days that an ended job is kept. Starred: for good.")
    keep_gigabytes: float = Field(
        10.0, gt=0, description="How much all jobs may weigh; beyond it keys over their share lose their oldest."
    )
    link_seconds: int = Field(
        3600, ge=1, le=86_400, description='How long a link to a picture lasts (`response_format: "url"`).'
    )
    forget_when_full: bool = Field(
        False,
        description="Whether the oldest pictures of keys over their share go while the disk of `files` is nearly full.",
    )
    jobs_waiting: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Jobs that may wait before more are refused with 503; keys share it by weight.",
    )


class DrawingSettings(BaseModel):
    """What draws, and what it may take of the machine."""

    engine: Literal["local", "ray", "fake"] = Field(
        "local",
        description="What draws: worker processes on this machine, hosts on a Ray cluster, or a stand-in that draws "
        "stripes.",
    )
    hosts: Hosts = Field(
        default_factory=dict, description="The kinds of hosts that draw on a Ray cluster, by a name of yours."
    )
    fake_step_seconds: float = Field(
        0.0, ge=0, le=60, description="How long the stand-in pretends that one of its four steps takes."
    )
    fake_hold: Path | None = Field(
        None, description="A file with a number: while it is there, the stand-in goes no further than that step."
    )
    fake_capacity: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None,
        description="How many pictures the stand-in has in the making, of which one takes a step at a time, as in a "
        "worker; without it all are drawn side by side.",
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        "auto", description="Worker processes. Each loads every model. auto: as many as serve best by measurement."
    )
    threads: Literal["auto"] | Annotated[int, Field(ge=0)] = Field(
        "auto",
        description="Threads that each worker computes with. auto: as many as are fastest by measurement, up to the "
        "usable cores; 0: as many as there are usable cores.",
    )
    device: str = Field("auto", min_length=1, description="Where to compute: auto, cpu, cuda, cuda:1, mps.")
    cuda_graphs: Literal["auto", "off"] = Field(
        "auto",
        description="Whether steps are run as CUDA graphs on a GPU. auto: where that was found to change no byte and "
        "to be faster.",
    )
    merge: Literal["auto", "off"] = Field(
        "auto",
        description="Whether pictures of like size are drawn in one batch. auto: where that was measured to pay; of "
        "requests with a seed only where it was found to change no byte.",
    )
    memory_gigabytes: float = Field(
        0.0, ge=0, description="What the models of a worker may take together. 0: four fifths of the device's memory."
    )
    host_memory_gigabytes: float | None = Field(
        None,
        ge=0,
        description="What models of a worker that a CUDA device has no room for may take in the host's memory. "
        "Default: half of what is free at the start, shared among the workers. 0: nothing.",
    )
    warm_up_seconds: float = Field(
        10.0, ge=0, le=3600, description="How long measuring a model's speed after loading may take. 0: not at all."
    )
    max_runs: int = Field(8, ge=1, le=256, description="Pictures in flight at once in each worker.")

    @field_validator("hosts")
    @classmethod
    def _are_enough(cls, hosts: dict[str, HostSettings], info: ValidationInfo) -> dict[str, HostSettings]:
        if info.data.get("engine") == "ray":
            enough_for_ray(hosts, info.data)
        return hosts

    @property
    def least_workers(self) -> int:
        """Workers that there are from the start."""
        return 1 if self.workers == "auto" else self.workers

    @property
    def most_threads(self) -> int:
        """Threads whose bytes are drawn; 0: the usable cores."""
        return 0 if self.threads == "auto" else self.threads


class NeighbourSettings(BaseModel):
    """What is answered beside pictures."""

    chat: Chats = Field(
        default_factory=dict, description="Servers that chat completions are passed on to, by a name of yours."
    )
    embeddings: Embeddings = Field(
        default_factory=dict,
        description="Sentence encoders by id, beside the one in the package; or off: no embeddings at all.",
    )
    sdapi: bool = Field(
        False, description="Whether /sdapi/v1 is served, for programs that speak to AUTOMATIC1111's web UI."
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


# In reverse: a class has its bases' fields from the last to the first, and docs/settings.md lists them in their order.
class Settings(
    NeighbourSettings, DrawingSettings, KeepingSettings, WorkSettings, AccessSettings, ServingSettings, BaseSettings
):
    """Everything that an operator may decide. Durations are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    models: Models = Field(
        default_factory=built_in_models,
        description="The models on offer, by id. Given, the table is the whole list.",
    )
    loras: Loras = Field(default_factory=dict, description="LoRAs that requests may name.")

    @property
    def takes_controls(self) -> bool:
        """Whether a request for a picture from words may bring pictures that ControlNets follow."""
        return any(entry.options.controlnets for entry in self.models.values())

    @field_validator("loras")
    @classmethod
    def _are_for_models_here(cls, loras: dict[str, LoraSettings], info: ValidationInfo) -> dict[str, LoraSettings]:
        models: dict[str, ModelSettings] = info.data.get("models", {})
        for name, lora in loras.items():
            for base in set(lora.base).difference(models) if models else ():
                raise ValueError(f"has {base!r} as a base of {name}, which is no id of a model here")
        for model, entry in models.items():
            for name in set(entry.loras).difference(loras):
                raise ValueError(f"has no {name!r}, which `models.{model}.loras` names; there are: {_listed(loras)}")
        return loras

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls), File(settings_cls)
