"""How people word an instruction, brought to the few forms that `reading` knows: "add …", "remove …", "replace … with
…", "make … …", "move … …", "have …", "more …", "less …".

Politeness goes, contractions are written out, and words that are none are taken for the one that was meant. A sentence
is then rewritten, as long as a form of `forms.tsv` fits it.
"""

# Tested in tests/postcard/test_wording.py.

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import resources

from safelight.postcard.instructions.slips import mended

_WRITTEN_OUT = {
    "can't": "can not", "won't": "will not", "n't": " not", "'d": " would", "'ll": " will", "'ve": " have",
    "'re": " are", "it's": "it is", "there's": "there is", "let's": "let us", "i'm": "i am", "that's": "that is",
    "black-and-white": "monochrome", "black and white": "monochrome", "pen and ink": "ink",
}  # fmt: skip
_BEFORE = re.compile(
    r"^(?:(?:please|pls|plz|kindly|now|then|and|also|but|so|just|ok|okay|hey|hi|hello|well|maybe|perhaps|actually|simply|"
    r"go ahead and|feel free to|try to|let us|help me|"
    r"(?:can|could|would|will|might|may|should) (?:you|u|we|i)(?: (?:please|kindly|possibly|maybe|just|try to|mind))*|"
    r"(?:would|do) you mind|is it possible to|is there a way to|be so kind (?:as to|and)|"
    r"(?:i|we) (?:would )?(?:want|need|like|love|prefer)(?: for)? you to|(?:i|we) (?:would )?(?:want|like|love) to|"
    r"it would be (?:nice|great|lovely|good|cool)(?: if you (?:could|would)| to)?)(?:\s+|$))+"
)
_AFTER = re.compile(
    r"(?:\s+(?:please|pls|plz|thanks(?: a lot)?|thank you|thx|ta|for me|for us|right now|now|instead|if you can|"
    r"if possible|"
    r"(?:would|could) be (?:very |really )?(?:nice|great|lovely|good|cool|perfect)|as well|again|ok|okay|altogether|"
    r"from (?:it|here|there|the (?:picture|image|scene|drawing))|"
    r"(?:in|of) (?:it|(?:the|this) (?:picture|image|scene|drawing))))+$"
)
_SAME = re.compile(
    r"^(?:give me |keep |draw |show me )?(?:the |this )?same(?: scene| picture| image| thing| drawing)?\b(?: but)?\s*"
)
_SPLIT = re.compile(r"(?:\s*[,;.!?]\s*|\s+)(?:and|then|and then|(?<!everything )(?<!all )but)\s+|\s*[,;.!?]+\s*")
_LEFT_ALONE = re.compile(r"^(?:keep|preserve|retain|leave (?!out)|do not (?:change|touch|move))\b")
_OUT = r"(?:out|away|off)(?: of (?:here|there|it|the (?:picture|image|scene)))?"
_TAKE = "(?:take|get|throw|edit|cut|clear|clean|leave|wipe|rub|wash|blow|strip|brush|cross|scrub|paint|photoshop)"
_WISH = (
    r"(?:(?:i|we) (?:(?:would|really) )*(?:want|like|love|need|prefer|wish for)(?: to (?:see|have))?|"
    r"(?:it|this|the (?:scene|picture|image)) (?:needs|wants|could use|could do with|should have|must have|lacks)|"
    r"there (?:should|must|could|ought to|has to|needs to) be|(?:let|make|have) there be|(?:how|what) about|"
    r"give (?:it|us|them|the (?:scene|picture|image|sky))|have it with)"
)
_SHOULD = r"(?:should|must|could|can|would|needs? to|ha(?:s|ve) to|ought to|is to|are to)"
_OPPOSITES = {
    "dark": "brighter", "bright": "darker", "light": "darker", "small": "bigger", "tiny": "bigger", "little": "bigger",
    "big": "smaller", "large": "smaller", "huge": "smaller", "close": "farther", "near": "farther", "far": "closer",
    "cloudy": "clear", "foggy": "clear", "rainy": "clear", "sunny": "cloudy", "cold": "warm", "warm": "cold",
}  # fmt: skip
_STANDS_FOR = {"<wish>": _WISH, "<should>": _SHOULD, "<take>": _TAKE, "<out>": _OUT}
_TOO = re.compile(r"^(?:(?P<x>.+?) (?:is|are|looks?|seems?) )?(?:a (?:bit|little) |much |way |far )?too (?P<y>\w+)$")
_DOING = re.compile(r"^(\w+?)(\w)\2?ing\b")
_DOING_VERBS = {
    "make", "add", "remove", "replace", "put", "place", "turn", "change", "paint", "swap", "give", "get", "take",
    "delete", "move", "erase", "have", "drop", "set", "bring", "cut", "exchange", "convert", "include",
    "insert", "let", "lose",
}  # fmt: skip


@cache
def _forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    found = []
    for line in resources.files(__package__).joinpath("forms.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            said, pattern = line.split("\t")
            for name, meaning in _STANDS_FOR.items():
                pattern = pattern.replace(name, meaning)
            found.append((re.compile(pattern), said))
    return tuple(found)


def clauses(prompt: str, is_word: Callable[[str], bool]) -> list[str]:
    """The instructions in a prompt, each in one of the forms above where it is one; in lower case, no sentence marks.

    `is_word` says of a word whether it is one.
    """
    text = " ".join(prompt.lower().replace("’", "'").split())
    for short, whole in _WRITTEN_OUT.items():
        text = text.replace(short, whole)
    text = _SAME.sub("", mended(text, is_word)) or text
    text = re.sub(r"\b(instead of [^,]+), ", r"\1 ", text)
    parts = [_without_manners(part) for part in _SPLIT.split(text)]
    return [_rewritten(part) for part in parts if part and not _LEFT_ALONE.match(part)]


def _without_manners(part: str) -> str:
    part = _AFTER.sub("", part.strip(" .!?:"))
    part = _BEFORE.sub("", part)
    part = _SAME.sub("", part) or part
    part = re.sub(r"^(?:rid of)\b", "get rid of", _doing(_BEFORE.sub("", part)))
    return _AFTER.sub("", f" {part}").strip()


def _doing(part: str) -> str:
    """ "making it snow" is "make it snow"."""
    found = _DOING.match(part)
    if found is None:
        return part
    stem, last = found[1], found[2]
    verb = next((verb for verb in (stem + last, stem + last + "e", stem + last + last) if verb in _DOING_VERBS), None)
    return part if verb is None else verb + part[found.end() :]


def _rewritten(part: str) -> str:
    if found := _TOO.fullmatch(part):
        return f"make {found['x'] or 'it'} {_OPPOSITES[found['y']]}" if found["y"] in _OPPOSITES else part
    for pattern, said in _forms():
        if found := pattern.fullmatch(part):
            return said.format(**{name: value.strip() for name, value in found.groupdict().items()})
    return part
