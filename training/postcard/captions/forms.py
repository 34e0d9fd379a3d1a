"""From what is told to words: sentences, lists of tags, several sentences, requests."""

import random
from collections.abc import Sequence

from training.postcard.captions import words as w
from training.postcard.captions.parts import Parts
from training.postcard.captions.telling import Telling

MISTYPED = 0.05
"""Share of captions with a typing error."""


class Speaker(Parts):
    """Puts one telling into words."""

    def sentence(self) -> str:
        """One sentence or phrase: a place with things, or things in a place."""
        t = self.told
        with_things = self.companions()
        if t.setting is None:
            body = _join(with_things)
        elif t.things and self.chance(0.6):
            body = f"{_join(self.things())} {self.whereabouts()}".strip()
            if t.layers:
                body += f", {_join([self.layer(layer) for layer in t.layers])}"
        else:
            body = self.place_noun()
            if with_things:
                body += f" {self.one(('with', 'with', 'with', 'and'))} {_join(with_things)}"
        parts, fronted = self.circumstances(), False
        if parts and self.chance(0.14) and not parts[0].startswith(("while", "covered", "wrapped")):
            fronted, body, parts = True, f"{parts[0]}, {body}", parts[1:]
        for i, part in enumerate(parts):
            body += (", " if i > 0 and self.chance(0.5) else " ") + part
        return self.styled(body, front=not fronted)

    def tags(self) -> str:
        """A list as prompt writers make it: subject first, then whatever comes to mind."""
        t = self.told
        head = self.things()
        if t.setting is not None:
            joined = f"{_join(head)} {self.whereabouts()}".strip() if head and self.chance(0.4) else None
            head = [joined] if joined else [*head, _bare(self.place_noun(absorb=False))]
            if joined is None and self.chance(0.5):
                head.reverse()
        rest = [self.layer(layer) for layer in t.layers]
        rest += [self.one(w.LIGHT_TAGS[t.light])] if t.light else []
        rest += [self.one(w.WEATHER_TAGS[t.weather])] if t.weather else []
        rest += [self.one(w.SEASON_TAGS[t.season])] if t.season else []
        rest += [self.one(w.PALETTE_TAGS[t.palette])] if t.palette else []
        rest += [self.one(w.SKY_TAGS[s]) for s in t.sky]
        if self.chance(0.6):
            rest += self.rng.sample(w.FILLERS, self.rng.choice((1, 1, 2, 2, 3, 4)))
        style = [self.one(w.STYLE_TAGS[t.style])] if t.style else []
        rest += style if self.chance(0.7) else []
        self.rng.shuffle(rest)
        if style and style[0] not in rest:
            head = style + head
        return ", ".join(head + rest)

    def paragraphs(self) -> str:
        """Two to five short sentences."""
        t = self.told
        sentences: list[str] = []
        opening = self.place_noun(absorb=False) if t.setting else ""
        if t.light and self.chance(0.6):
            opening = f"{opening} {self.one(w.LIGHT_PHRASES[t.light])}".strip()
        elif t.light:
            sentences.append(
                f"{self.one(('The scene is', 'We see it', 'All of it'))} {self.one(w.LIGHT_PHRASES[t.light])}"
            )
        for m in t.things:
            verb = "is" if m.number == 1 else "are"
            phrase = self.placed(m)
            sentences.append(self.one((f"There {verb} {phrase}", f"We see {phrase}", phrase, f"{phrase} can be seen")))
        sentences += [f"There {'is' if _one(p) else 'are'} {p}" for p in (self.layer(layer) for layer in t.layers)]
        if t.weather:
            sentences.append(self.one(w.WEATHER_SENTENCES[t.weather]))
        if t.season:
            sentences.append(f"It is {t.season}")
        sentences += [f"The scene is {self.one(w.SKY_PHRASES[s])}" for s in t.sky]
        if t.palette:
            sentences.append(f"The picture is {self.one(w.PALETTE_PHRASES[t.palette])}")
        if not opening and not sentences:
            return self.sentence()
        text = ([self.styled(opening)] if opening else []) + sentences
        if t.style and not opening:
            text.append(self.one(w.STYLE_TAGS[t.style]))
        return ". ".join(s[:1].upper() + s[1:] for s in text) + "."

    def request(self) -> str:
        """A sentence with a request before it."""
        return f"{self.one(w.REQUESTS)} {self.sentence()}"


def _join(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _bare(noun: str) -> str:
    """Without its article: a tag."""
    for start in ("a ", "an ", "the "):
        if noun.startswith(start):
            return noun[len(start) :]
    return noun


def _one(phrase: str) -> bool:
    return phrase.startswith(("a ", "an ", "the ")) or phrase in (
        "water",
        "grass",
        "snow",
        "sand",
        "kelp",
        "coral",
        "seaweed",
        "lavender",
    )


def speak(telling: Telling, rng: random.Random) -> str:
    """A caption in one of the forms."""
    speaker = Speaker(telling, rng)
    form = rng.random()
    if form < 0.5:
        text = speaker.sentence()
    elif form < 0.78:
        text = speaker.tags()
    elif form < 0.9:
        text = speaker.paragraphs()
    else:
        text = speaker.request()
    if rng.random() < 0.12 and form < 0.5:
        text = ", ".join([text, *rng.sample(w.FILLERS, rng.choice((1, 2, 3)))])
    if telling.absent:
        lack = rng.choice((f"no {telling.absent}", f"without {telling.absent}", f"without any {telling.absent}"))
        text += f" {lack[0].upper()}{lack[1:]}." if text.endswith(".") else f", {lack}"
    text = " ".join(text.split())
    return _finish(_mistyped(text, rng) if rng.random() < MISTYPED else text, rng)


def _mistyped(text: str, rng: random.Random) -> str:
    """One or two words with a letter lost, doubled or swapped with the next: people type like that."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    for i in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word, at = words[i], rng.randrange(1, len(words[i]) - 1)
        words[i] = rng.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            )
        )
    return " ".join(words)


def _finish(text: str, rng: random.Random) -> str:
    """Upper case and a full stop as people have them: now and then."""
    if rng.random() < 0.4:
        text = text[:1].upper() + text[1:]
        if rng.random() < 0.5 and not text.endswith("."):
            text += "."
    return text
