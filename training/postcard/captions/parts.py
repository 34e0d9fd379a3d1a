"""The phrases of which captions are made: things with number, colour and place, settings, light, weather, style."""

import random
from collections.abc import Sequence

from training.postcard.captions import words as w
from training.postcard.captions.names import article, names, noun_phrase, plural
from training.postcard.captions.telling import Mention, Telling
from training.postcard.families import ANIMALS, BOATS, CARS, LEAPERS, PEOPLE

from safelight.postcard.scenes.scene import Layer
from safelight.postcard.scenes.vocabulary import Colour, Setting

AT = {
    "left": ("on the left", "on the left side", "to the left", "at the left", "on the left-hand side", "at far left"),
    "right": (
        "on the right",
        "on the right side",
        "to the right",
        "at the right",
        "on the right-hand side",
        "at far right",
    ),
    "centre": ("in the middle", "in the centre", "in the center", "centrally", "right in the middle"),
    "far": ("in the distance", "far away", "in the background", "on the horizon", "far off", "a long way off"),
    "near": ("in the foreground", "up close", "close to the viewer", "in front", "nearby"),
}
FROM = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "above": ("above", "over", "high above"),
    "beside": ("beside", "next to", "near", "by"),
    "behind": ("behind", "farther away than"),
    "in front of": ("in front of", "before"),
}


class Parts:
    """The phrases of which forms are made."""

    def __init__(self, telling: Telling, rng: random.Random) -> None:
        self.told = telling
        self.rng = rng

    def one(self, items: Sequence[str]) -> str:
        """One of the phrases."""
        return items[int(self.rng.random() * len(items))]

    def chance(self, p: float) -> bool:
        """True with probability `p`."""
        return self.rng.random() < p

    def thing(self, m: Mention) -> str:
        """ "two red boats" """
        return noun_phrase(self.rng, m.kind, m.number, m.colour, m.say_number, m.say_colour)

    def placed(self, m: Mention) -> str:
        """ "two red boats on the left", "a dog next to a house" """
        phrase = self.thing(m)
        if self.chance(0.12):
            phrase += self.doing(m)
        if m.place is None:
            return phrase
        if m.anchor is None:
            where = self.one(AT[m.place])
            return f"{where} {phrase}" if self.chance(0.2) else f"{phrase} {where}"
        return f"{phrase} {self.one(FROM[m.place])} {self.reference(self.told.things[m.anchor])}"

    def doing(self, m: Mention) -> str:
        """ " resting", " parked" """
        flying = all(s.lift > 0.1 for s in m.seen)
        if m.kind in LEAPERS and self.told.setting is Setting.SEA:
            return f" {self.one(w.DOINGS['leaping'])}"
        for family, kinds in (("animals", ANIMALS), ("people", PEOPLE), ("boats", BOATS), ("vehicles", CARS)):
            if m.kind in kinds:
                return f" {self.one(w.DOINGS['flying' if flying else family])}"
        return ""

    def reference(self, m: Mention) -> str:
        """The other things, briefly: "the house", "the red boats"."""
        colour = self.one(w.COLOUR_WORDS[m.colour]) + " " if m.say_colour else ""
        name = names(m.kind, m.say_colour)[0]
        return f"the {colour}{plural(name) if m.number > 1 else name}"

    def layer(self, layer: Layer) -> str:
        """ "pine trees", "red tulips" """
        if layer.colour is not Colour.NATURAL and layer.kind in w.COLOURED_LAYERS:
            return f"{self.one(w.COLOUR_WORDS[layer.colour])} {self.one(w.COLOURED_LAYERS[layer.kind])}"
        return self.one(w.LAYER_NOUNS[layer.kind])

    def things(self, grouped: bool = True) -> list[str]:
        """All mentions as phrases; those that follow an anchor keep their order."""
        return [self.placed(m) for m in self.told.things]

    def companions(self) -> list[str]:
        """Layers and things that go after "with"."""
        return self.things() + [self.layer(layer) for layer in self.told.layers]

    def circumstances(self) -> list[str]:
        """Light, weather, sky and season as phrases, in loose order."""
        t = self.told
        parts = []
        merged = self.time_of_day()
        if merged:
            parts.append(merged)
        elif t.light:
            parts.append(self.one(w.LIGHT_PHRASES[t.light]))
        if t.weather and not (merged and self.chance(0.7)):
            parts.append(self.one(w.WEATHER_PHRASES[t.weather]))
        if t.season and not (merged and not t.weather and self.chance(0.7)):
            parts.append(self.one(w.SEASON_PHRASES[t.season]))
        parts += [self.one(w.SKY_PHRASES[s]) for s in t.sky]
        self.rng.shuffle(parts)
        if t.palette:
            parts.insert(len(parts) if self.chance(0.8) else 0, self.one(w.PALETTE_PHRASES[t.palette]))
        return parts

    def time_of_day(self) -> str:
        """ "on a misty morning", "on a winter night": light with weather, or else with season, in one phrase"""
        t = self.told
        if t.light not in w.LIGHT_NOUNS or not (t.weather or t.season) or not self.chance(0.3):
            return ""
        adjective = w.WEATHER_ADJECTIVES[t.weather] if t.weather else w.SEASON_ADJECTIVES[t.season or ""][:1]
        return f"on {article(f'{self.one(adjective)} {self.one(w.LIGHT_NOUNS[t.light])}')}"

    def styled(self, text: str, front: bool = True) -> str:
        """The text with its style before or after it, or an opening that means nothing. `front`: a noun begins it."""
        style = self.told.style
        if style is None:
            return f"{self.one(w.OPENINGS)} {text}" if front and self.chance(0.1) else text
        if front and self.chance(0.55):
            return f"{self.one(w.STYLE_OF[style])} {text}"
        tag = self.one(w.STYLE_TAGS[style])
        return f"{text}, {tag}" if self.chance(0.7) else f"{tag}: {text}" if self.chance(0.4) else f"{tag}, {text}"

    def place_noun(self, absorb: bool = True) -> str:
        """The setting as a noun phrase, with adjectives for weather and season where they are told."""
        t = self.told
        assert t.setting is not None
        noun = self.backdrop() or self.one(w.SETTING_NOUNS[t.setting])
        if t.named_by and self.chance(0.5):
            noun = self.one(w.LAYER_SETTINGS[t.named_by])
        adjectives = [self.one(w.ADJECTIVES)] if self.chance(0.2) else []
        if absorb and t.season and self.chance(0.4):
            adjectives.append(self.one(w.SEASON_ADJECTIVES[t.season]))
        elif absorb and t.weather and self.chance(0.4):
            adjectives.append(self.one(w.WEATHER_ADJECTIVES[t.weather]))
        elif absorb and t.light and self.chance(0.2):
            adjectives.append(self.one(w.LIGHT_ADJECTIVES[t.light]))
        return _with_adjectives(noun, adjectives)

    def backdrop(self) -> str:
        """ "a blue background", where the scene is plain and its colour is told"""
        if self.told.accent is None:
            return ""
        return article(
            f"{self.one(w.COLOUR_WORDS[self.told.accent])} {self.one(('background', 'background', 'backdrop'))}"
        )

    def whereabouts(self) -> str:
        """ "in the forest"; "over the city" where things fly."""
        t = self.told
        assert t.setting is not None
        flying = all(s.lift > 0.3 for m in t.things for s in m.seen)
        if flying and t.setting.value not in ("space", "plain", "underwater", "table", "window"):
            return f"{self.one(w.OVER)} {self.one(w.SETTING_NOUNS[t.setting])}"
        if self.told.accent is not None:
            return f"{self.one(('on', 'against', 'in front of'))} {self.backdrop()}"
        return self.one(w.SETTING_PLACES[t.setting])


def _with_adjectives(noun: str, adjectives: Sequence[str]) -> str:
    if not adjectives:
        return noun
    words = " ".join(adjectives)
    for start in ("a ", "an "):
        if noun.startswith(start):
            return f"{'an' if words[0] in 'aeiou' else 'a'} {words} {noun[len(start) :]}"
    if noun.startswith("the "):
        return f"the {words} {noun[4:]}"
    if noun.startswith(("among ", "under ", "on ", "nothing", "falling")):
        return noun
    return f"{words} {noun}"
