"""What is said once the port is open: who draws, the way to the page, and lines that work in any other terminal."""

# Tested in tests/adapters/sql/test_database.py.

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.settings import Settings

_IN_WORDS = {
    "postcard": "Postcard, the bundled model: it illustrates scenes",
    "fake": "the fake engine: coloured stripes",
}
# The README's recipe: it needs no tool beside curl, prints what is wrong, and then writes no picture.
_CURL = r"""curl -sS --fail-with-body $DIFFUSION_URL/v1/images/generations \
  -H "Authorization: Bearer $DIFFUSION_KEY" -H 'Content-Type: application/json' \
  -d '{"model": "'$DIFFUSION_MODEL_ID'", "prompt": "A serene mountain landscape at sunset", "aspect_ratio": "16:9"}' \
  -o answer.json && sed 's/.*"b64_json": *"//; s/".*//' answer.json | base64 --decode > picture.png || cat answer.json
"""


def welcome(
    settings: Settings,
    offered: Catalogue,
    *,
    lacks: Mapping[str, str],
    page: bool,
    minted: str | None,
    link: str | None,
) -> str:
    """The text. `lacks` says which sources can never draw, and why.

    `minted` is the first key and `link` signs in to the page, where a person reads this; else a command shows them.
    """
    lines = [f"Safelight serves {settings.url}", *(_who_draws(entry, lacks) for entry in offered)]
    if link is not None:
        lines += ["", "The studio, signed in (this link works once, within ten minutes):", "", link]
    elif page:
        lines += ["", f"The studio is at {settings.url}/studio/. This shows a link that signs in:", ""]
        lines += [_ours(settings, "link")]
    model = next(entry.id for entry in offered if entry.source not in lacks)
    return "\n".join([*lines, *_to_paste(settings, minted, model), _CURL.rstrip(), ""])


def _who_draws(entry: ModelEntry, lacks: Mapping[str, str]) -> str:
    if entry.source in lacks:
        return f"  {entry.id} CANNOT DRAW. {lacks[entry.source]}"
    return f"  {entry.id} is drawn by {_IN_WORDS.get(entry.drawn_by, entry.drawn_by)}."


def _to_paste(settings: Settings, minted: str | None, model: str) -> list[str]:
    """What another terminal needs to reach the server."""
    if minted is not None:
        exports = f"export DIFFUSION_URL={settings.url} DIFFUSION_KEY={minted} DIFFUSION_MODEL_ID={model}"
        return ["", "Your key, in lines to paste into another terminal (it is not shown again):", "", exports]
    where = "another terminal"
    if settings.api_key is not None:
        where += ", in which SAFELIGHT_API_KEY has the value that it has here"
    return ["", f"Lines to paste into {where}:", "", f'eval "$({_ours(settings, "env")})"']


def _ours(settings: Settings, command: str) -> str:
    """A command of ours, as it works in any terminal and folder: by its full path, on this state folder."""
    program = os.path.abspath(sys.argv[0])
    start = [program] if os.access(program, os.X_OK) else [sys.executable, "-P", "-m", "safelight"]
    return shlex.join([*start, command, "--home", str(settings.home)])
