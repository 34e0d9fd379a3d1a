"""What there is, is documented; what is documented, there is."""

from __future__ import annotations

import re
from pathlib import Path

from typer.main import get_command

from safelight.cli.app import app
from safelight.settings import ChatSettings, EmbeddingSettings, HostSettings, ModelSettings, OptionSettings, Settings
from safelight.settings.tables.classifier import ClassifierSettings
from safelight.settings.tables.credentials import CredentialSettings
from safelight.settings.tables.loras import LoraSettings

DOCS = Path(__file__).parents[2] / "docs"


def commands() -> dict[str, set[str]]:
    """Every command by its full name, with its long options."""
    found = {}
    root = get_command(app)
    waiting = [("safelight", root)]
    while waiting:
        name, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is not None:
            waiting += [(f"{name} {part}", child) for part, child in inner.items()]
            continue
        found[name] = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    return found


def test_every_setting_is_documented_and_no_other() -> None:
    text = (DOCS / "settings.md").read_text()
    documented = re.findall(
        r"^\| `([a-z_]+)` \|", text.partition("## All settings")[2].partition("## The state")[0], re.M
    )
    assert documented == [
        *Settings.model_fields,
        *ModelSettings.model_fields,
        *HostSettings.model_fields,
        *LoraSettings.model_fields,
        *ClassifierSettings.model_fields,
        *CredentialSettings.model_fields,
        *ChatSettings.model_fields,
        *EmbeddingSettings.model_fields,
    ]


def test_every_option_of_a_model_is_documented_and_no_other() -> None:
    text = (DOCS / "models-reference.md").read_text().partition("## Options")[2].partition("## Families")[0]
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", text, re.M)
    assert [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)] == list(OptionSettings.model_fields)


def test_the_defaults_in_the_documentation_are_the_real_ones() -> None:
    text = (DOCS / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, str | int | float):
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            shown = shown.lower() if isinstance(default, bool) else shown  # as TOML has it
            assert f"| `{name}` | `{shown}` |" in text


def test_every_command_is_documented_with_its_options() -> None:
    text = (DOCS / "commands.md").read_text()
    for name, options in commands().items():
        assert f"`{name}" in text, name
        for option in options - {"--help"}:
            assert f"`{option}`" in text, f"{name} {option}"


def test_no_command_is_documented_that_is_not_there() -> None:
    text = (DOCS / "commands.md").read_text()
    names = set(commands()) | {"safelight COMMAND", "safelight keys", "safelight db", "safelight c2pa"}
    for said in re.findall(r"`(safelight [^`]*)`", text):
        words = said.split()
        assert any(" ".join(words[:count]) in names for count in (2, 3)), said
