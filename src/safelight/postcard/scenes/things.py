"""The catalogue of things: what Postcard can put into a scene, what each is called and where it belongs.

The table itself is ``things.tsv`` beside this file, one thing a line. Its order is the codec's numbering: new things go
to its end.
"""

# Tested in tests/postcard/test_pipeline.py.

from dataclasses import dataclass
from importlib import resources

from safelight.postcard.scenes.vocabulary import Place, Setting

OWN = "own"
"""The drawing of a thing that our own parametric code draws."""

_PLACES = {
    "g": Place.GROUND,
    "w": Place.WATER,
    "s": Place.SKY,
    "u": Place.UNDERWATER,
    "x": Place.SPACE,
    "t": Place.TABLE,
}

_GROUPS = {
    "land": "mountains hills meadow flower_field pine_forest broadleaf_forest birch_forest lake river village cliffs",
    "wood": "pine_forest broadleaf_forest birch_forest mountains lake river waterfall",
    "green": "meadow hills flower_field garden park farm",
    "town": "city street village park harbour",
    "coast": "beach cliffs islands harbour",
    "water": "sea lake river islands harbour beach",
    "dry": "desert oasis canyon",
    "ice": "tundra mountains",
    "trop": "jungle oasis islands waterfall",
    "home": "table window",
    "cosmos": "space planet",
    "deep": "underwater",
    "any": " ".join(s.value for s in Setting if s not in (Setting.SPACE, Setting.UNDERWATER, Setting.TABLE)),
}


@dataclass(frozen=True)
class ThingKind:
    """One entry of the catalogue.

    ``height`` is in metres, beside a person's 1.75. ``icon`` is the name of the drawing in the icon set, or None where
    our own code draws it. ``settings`` are those it belongs in; a plain background suits everything.
    """

    key: str
    names: tuple[str, ...]
    places: tuple[Place, ...]
    settings: frozenset[Setting]
    height: float
    icon: str | None
    recolourable: bool

    @property
    def name(self) -> str:
        """The plainest name, for captions."""
        return self.names[0]


def _settings(groups: str) -> frozenset[Setting]:
    words = " ".join(_GROUPS.get(group, group) for group in groups.split())
    return frozenset(Setting(word) for word in words.split()) | {Setting.PLAIN}


def _parse(line: str) -> ThingKind:
    key, drawing, height, places, groups, names = line.split("\t")
    return ThingKind(
        key=key.rstrip("!"),
        names=tuple(name.strip() for name in names.split(",")),
        places=tuple(_PLACES[letter] for letter in places),
        settings=_settings(groups),
        height=float(height),
        icon=None if drawing == OWN else drawing,
        recolourable=not key.endswith("!"),
    )


def _load() -> dict[str, ThingKind]:
    text = resources.files(__package__).joinpath("things.tsv").read_text(encoding="utf-8")
    kinds = [_parse(line) for line in text.splitlines() if line and not line.startswith("#")]
    return {kind.key: kind for kind in kinds}


THINGS: dict[str, ThingKind] = _load()
THING_KEYS: tuple[str, ...] = tuple(THINGS)
