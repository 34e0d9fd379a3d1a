"""Settings of the server itself: where it listens and keeps its state, and what it lets in."""

# Tested in tests/test_settings.py.

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from safelight.contract.checkpoints.paths import expanded
from safelight.settings.sources import default_home, local_url


class ServingSettings(BaseModel):
    """Where the server listens and keeps its state, and what it lets in."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on. 0.0.0.0 listens on all.")
    port: int = Field(8484, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    home: Path = Field(
        default_factory=default_home,
        description="The state folder: the database and the first key. Created with mode 0700.",
    )
    database: SecretStr | None = Field(
        None,
        description="Where keys, jobs and the ledger are: postgresql://user@host/name, which servers may share. "
        "Default: SQLite in the state folder.",
    )
    api_key: SecretStr | None = Field(
        None, description="A key that is accepted as it is, beside those of the database. For containers and tests."
    )
    log_format: Literal["auto", "pretty", "json"] = Field(
        "auto", description="How log lines look. auto: pretty on a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level logged.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may call the API, separated by commas in the environment; * allows all."
    )
    rate_limit_per_minute: int = Field(0, ge=0, description="Requests that each key may make a minute. 0: no limit.")
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="The largest request body.")
    max_upload_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="The largest request body with pictures to draw from."
    )
    body_timeout_seconds: float = Field(30.0, gt=0, description="How long a client may take to send its body.")
    keep_alive_seconds: int = Field(
        120, ge=1, le=86_400, description="How long a connection may wait for its next request."
    )
    max_connections: int = Field(
        0, ge=0, description="Connections that may be open. 0: 4096, as far as descriptors go. The idlest makes room."
    )
    connections_per_address: int = Field(
        0, ge=0, description="Those of one address that is no trusted proxy. 0: half of them all."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.0/8", "::1"),
        description="Addresses and networks of proxies whose X-Forwarded headers are believed, separated by commas in "
        "the environment.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names in the header Host that are answered to beside this machine's own, separated by commas in "
        "the environment; *.example.org allows every name below; * allows all.",
    )

    public_url: str | None = Field(
        None,
        description="The address under which callers reach the server, with a path if it has one: what links to "
        "pictures begin with. Default: as the request says it.",
    )

    @property
    def url(self) -> str:
        """Where a client on this machine reaches a server with these settings."""
        return local_url(self.host, self.port)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return Path(os.path.abspath(expanded(home, "Set SAFELIGHT_HOME")))

    @property
    def database_url(self) -> str | None:
        """The address of the PostgreSQL; None for SQLite in the state folder."""
        return None if self.database is None else self.database.get_secret_value()

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not re.match(r"postgres(ql)?://", url.get_secret_value()):
            raise ValueError(
                "write it like postgresql://user@host:5432/name; left out, SQLite in the state folder is used"
            )
        return url

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(r"[\x21-\x7e]+", key.get_secret_value()):
            raise ValueError("a key is one or more visible ASCII characters without spaces")
        return key

    @field_validator("cors_origins", "trusted_proxies", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, listed: object) -> object:
        if isinstance(listed, str):
            return tuple(part.strip() for part in listed.split(",") if part.strip())
        return listed

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy!r} is no address and no network; write it like 10.0.0.7 or 10.0.0.0/8"
                ) from None
        return proxies

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
            raise ValueError("write an address like https://images.example.org/safelight, without a query in it")
        return url

    @field_validator("allowed_hosts")
    @classmethod
    def _are_host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if host != "*" and not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
                raise ValueError(f"{host!r} is no name of a host; write it like images.example.org, without a port")
        return tuple(host.lower() for host in hosts)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#\s]+", origin):
                raise ValueError(f"{origin!r} is no origin; write it like https://example.org, without a path")
        return origins
