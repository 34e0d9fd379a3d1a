"""What finished pictures are signed with (C2PA), as it is written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CredentialSettings(BaseModel):
    """The operator's certificate. Paths are read once, at the start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Path | None = Field(
        None, description="The certificate that pictures are signed with, and after it those that signed it, as PEM."
    )
    key: Path | None = Field(None, description="The certificate's private key, as PEM without a password.")
    prompt: bool = Field(False, description="Whether the signed statement says the prompt too.")
    trusted: Path | None = Field(
        None, description="Certificates of authorities, as PEM, whose signatures a check of a file calls trusted."
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> CredentialSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("give `certificate` and `key` together, or neither")
        return self
