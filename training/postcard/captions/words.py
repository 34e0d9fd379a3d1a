"""What people call things of the vocabulary: the tables of `words.toml`, each phrase as often as it should be said."""

import tomllib
from pathlib import Path

_TABLES: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


def _table(name: str) -> dict[str, tuple[str, ...]]:
    return {key: _phrases(text) for key, text in _TABLES[name].items()}


SETTING_NOUNS = _table("setting_nouns")
SETTING_PLACES = _table("setting_places")
LIGHT_PHRASES = _table("light_phrases")
LIGHT_TAGS = _table("light_tags")
WEATHER_PHRASES = _table("weather_phrases")
WEATHER_TAGS = _table("weather_tags")
WEATHER_SENTENCES = _table("weather_sentences")
WEATHER_ADJECTIVES = _table("weather_adjectives")
SEASON_PHRASES = _table("season_phrases")
SEASON_TAGS = _table("season_tags")
SEASON_ADJECTIVES = _table("season_adjectives")
PALETTE_PHRASES = _table("palette_phrases")
PALETTE_TAGS = _table("palette_tags")
STYLE_OF = _table("style_of")
STYLE_TAGS = _table("style_tags")
COLOUR_WORDS = _table("colour_words")
SKY_PHRASES = _table("sky_phrases")
SKY_TAGS = _table("sky_tags")
LAYER_NOUNS = _table("layer_nouns")
COLOURED_LAYERS = _table("coloured_layers")
LIGHT_ADJECTIVES = _table("light_adjectives")
LIGHT_NOUNS = _table("light_nouns")
LAYER_SETTINGS = _table("layer_settings")
DOINGS = _table("doings")

FILLERS = _phrases(_TABLES["lists"]["fillers"])
"""Words that people add and that say nothing about the scene."""

ADJECTIVES = _phrases(_TABLES["lists"]["adjectives"])
OPENINGS = _phrases(_TABLES["lists"]["openings"])
REQUESTS = _phrases(_TABLES["lists"]["requests"])

OVER = ("over", "above", "flying over", "high above", "floating over", "in the sky above")
