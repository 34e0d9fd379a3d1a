"""Styles: how the same scene looks in another medium. The file named as a style holds it as one object, `STYLE`."""

# Tested in tests/postcard/render/styles/test_styles.py.

from importlib import import_module

from safelight.postcard.render.techniques.medium import Medium
from safelight.postcard.scenes.vocabulary import Style


def _medium(style: Style) -> Medium:
    found: Medium = import_module(f"{__name__}.{style.value}").STYLE
    return found


STYLES = {style: _medium(style) for style in Style}
"""The vocabulary is the list: a new style is its file here and its word there."""
