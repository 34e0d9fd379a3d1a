"""Settings become what judges prompts and pictures."""

# Tested in tests/api/test_image_classifier.py.

from __future__ import annotations

from safelight.adapters.filtering.classifier import ClassifierFilter
from safelight.adapters.filtering.command_filter import CommandFilter
from safelight.adapters.home.pins import pinned_commit
from safelight.adapters.preflight import check_classifier
from safelight.service.drawing.filtering import Filters
from safelight.service.ports.filters import ContentFilter
from safelight.settings import Settings


def open_filters(settings: Settings) -> Filters:
    """The operator's filters. The classifier's process begins to load now."""
    seconds = settings.filter_seconds
    pictures = [_open_filter(settings.image_filter, seconds), _open_classifier(settings)]
    return Filters(
        _open_filter(settings.prompt_filter, seconds),
        [judge for judge in pictures if judge is not None],
        settings.filter_failure,
    )


def look_at_classifier(settings: Settings) -> None:
    """See before anything is served that the classifier is here.

    Raises:
        ConfigurationError: it is not, or has not the labels that are refused.
    """
    given = settings.image_classifier
    if given is not None:
        check_classifier(given.source, pinned_commit(settings.home, given.source), given.refuse)


def _open_filter(where: str | None, seconds: float) -> ContentFilter | None:
    """The filter that a setting names: an http(s) address, or else a command."""
    if where is None:
        return None
    if where.startswith(("http://", "https://")):
        from safelight.adapters.filtering.http_filter import HttpFilter

        return HttpFilter(where, seconds)
    return CommandFilter(where, seconds)


def _open_classifier(settings: Settings) -> ClassifierFilter | None:
    given = settings.image_classifier
    if given is None:
        return None
    look_at_classifier(settings)
    commit = pinned_commit(settings.home, given.source)
    opened = ClassifierFilter(given.source, commit, given.refuse, settings.filter_seconds)
    opened.begin()
    return opened
