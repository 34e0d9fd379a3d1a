"""The servers that chat completions are passed on to, as they are written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from safelight.contract.errors import ConfigurationError


class ChatSettings(BaseModel):
    """One server that speaks OpenAI's Chat Completions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="Its address up to and with /v1, like http://127.0.0.1:11434/v1.")
    key: SecretStr | None = Field(None, description="The key that it wants, if any.")
    key_env: str | None = Field(None, min_length=1, description="The variable of the environment that holds the key.")
    models: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        min_length=1, description="Its models that callers may ask for, by its own names."
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
            raise ValueError("write an address like http://127.0.0.1:11434/v1, without a key, query or fragment in it")
        return url

    @model_validator(mode="after")
    def _one_key(self) -> ChatSettings:
        if self.key is not None and self.key_env is not None:
            raise ValueError("give `key` or `key_env`, not both")
        return self

    def secret(self) -> str | None:
        """The key, wherever it is.

        Raises:
            ConfigurationError: the variable is not set.
        """
        if self.key_env is None:
            return self.key.get_secret_value() if self.key is not None else None
        secret = os.environ.get(self.key_env)
        if not secret:
            raise ConfigurationError(
                f"`chat` takes the key of {self.url} from the variable {self.key_env}, which is not set. Set it, or "
                "leave `key_env` out."
            )
        return secret


def _no_model_twice(chats: dict[str, ChatSettings]) -> dict[str, ChatSettings]:
    seen: dict[str, str] = {}
    for name, chat in chats.items():
        for model in chat.models:
            if model in seen:
                raise ValueError(f"the model {model!r} stands in {seen[model]!r} and in {name!r}; name it in one")
            seen[model] = name
    return chats


Chats = Annotated[dict[str, ChatSettings], AfterValidator(_no_model_twice)]
