"""Settings become what rewrites prompts."""

# Tested in tests/api/test_rewriting.py.

from __future__ import annotations

from collections.abc import Mapping

from safelight.bootstrap.engines.catalogue import terms_of
from safelight.contract.errors import ConfigurationError
from safelight.service.drawing.inputs.rewriting import ChatModel, Rewriter
from safelight.service.ports.upstreams import Upstream
from safelight.settings import Settings


def open_rewriter(settings: Settings, upstreams: Mapping[str, Upstream]) -> Rewriter:
    """`upstreams` are those of chat models, by model.

    Raises:
        ConfigurationError: there is no such chat model, or the model that draws keeps to the documented parameters.
    """
    models = {}
    for name, model in settings.models.items():
        if model.rewrite is None:
            continue
        if terms_of(settings, name).contract == "strict":
            raise ConfigurationError(
                f"`models.{name}` has `rewrite`, and keeps to the documented contract, in which a prompt is drawn as "
                "it is. Offer the model under another id too, or leave `rewrite` out."
            )
        if model.rewrite not in upstreams:
            known = ", ".join(sorted(upstreams)) or "none: a table `[chat.NAME]` names a server and its models"
            raise ConfigurationError(
                f"`models.{name}` has its prompts rewritten by {model.rewrite!r}, which is no chat model here. There "
                f"are: {known}."
            )
        models[name] = ChatModel(model.rewrite, upstreams[model.rewrite])
    return Rewriter(models, settings.rewrite_seconds)
