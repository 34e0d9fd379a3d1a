"""Postcard's own drawings whose scene somebody has changed, for a server to survive.

    python -m tests.hostile.fuzzed_scenes --count 2000

Starts a server that draws, has it draw a few pictures, changes the scene in their files, sends each as an edit and
prints how it answered. Exit status 1 if any answer is neither a picture nor a 400, or the server is gone.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from safelight.contract.picture_files.embedding import scene_element
from safelight.contract.picture_files.provenance import description, packet
from safelight.postcard.scenes.scene_file import MOST_BYTES
from tests.clients.process import Served, serving
from tests.sent_pictures import halves

PROMPTS = (
    "a harbour with two boats at dusk in the rain",
    "a fox and a deer in a snowy forest at night, oil painting",
    "a vase and three apples on a table",
)
EDITS = ("make it night", "add two boats", "a castle by the sea", "remove the fox", "as a pencil drawing")
_SECONDS = 300.0  # the machine may be busy; what hangs is seen all the same
# What JSON's own writer cannot write.
_RAW = {"@huge": "1e999", "@long": "9" * 5000, "@minus": "-0", "@exponent": "1E2", "@deep": "[" * 900 + "]" * 900}
_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 7, 31, 63, 10**6, 2**63, 0.5, float("nan"), float("-inf"), "", "night", "0", "\0"),
    *("\ud800", "é" * 50, [], {}, [[]], {"postcard": 1}, *_RAW),
)


def mutated(scenes: list[str], count: int, seed: int = 7) -> Iterator[str]:
    """So many changed scenes: values of other kinds and off their grids, rows more and fewer, other versions, and text
    that is cut off, overwritten or too long. Some are scenes still, of which no drawing is."""
    chance = random.Random(seed)
    for _ in range(count):
        scene = chance.choice(scenes)
        if chance.random() < 0.25:
            yield _broken_text(scene, chance)
            continue
        plain = json.loads(scene)
        for _ in range(chance.choice((1, 1, 2, 5))):
            _change(plain, scenes, chance)
        text = json.dumps(plain, separators=(",", ":"))
        for name, raw in _RAW.items():
            text = text.replace(f'"{name}"', raw)
        yield text


def _change(plain: dict[str, Any], scenes: list[str], chance: random.Random) -> None:
    rows = [row for part in plain.values() for row in (part if isinstance(part, list) else [])]
    rows = [part for part in plain.values() if isinstance(part, list)] + [row for row in rows if isinstance(row, list)]
    row = chance.choice([row for row in rows if row] or [[0]])
    at = chance.randrange(len(row))
    match chance.randrange(8):
        case 0 | 1:  # within many a grid: a scene that nobody would draw
            numbers = [at for at, value in enumerate(row) if type(value) is int]
            row[chance.choice(numbers or [at])] = chance.randrange(64)
        case 2:
            row[at] = chance.choice(_VALUES)
        case 3:
            del row[at]
        case 4:
            row[at:at] = [row[at]] * chance.choice((1, 2, 9, 40))
        case 5:
            name = chance.choice([*plain])
            plain[name] = json.loads(chance.choice(scenes))[name] if name in json.loads(scenes[0]) else 0
        case 6:
            plain[chance.choice([*plain, "more"])] = chance.choice((*_VALUES, 2))
        case _:
            chance.shuffle(row)


def _broken_text(scene: str, chance: random.Random) -> str:
    at = chance.randrange(len(scene))
    match chance.randrange(6):
        case 0:
            return scene[:at]
        case 1:
            return scene[:at] + chance.choice(('"', "[", "}", "&#0;", "\x01", "]]>", "\ufffe")) + scene[at + 1 :]
        case 2:
            return scene + " " * chance.choice((MOST_BYTES, 100_000))
        case 3:
            return scene.replace('"postcard":1', f'"postcard":{chance.choice(("2", "1.0", "0", "null", "1e0", "01"))}')
        case 4:
            return chance.choice(("", "{}", "null", "[" * 3000, '{"postcard":1}', "NaN", '{"a":' * 1000))
    return scene[:at] + scene[:at]


def file_with(scene: str) -> bytes:
    """A picture that says it has that scene; half of a pair cannot be written, so it stands as a question mark."""
    xmp = packet(description(scene_element(scene)))
    return halves(48, 32, "WEBP", xmp=xmp if isinstance(xmp, bytes) else xmp.encode("utf-8", "replace"))


def scene_of(file: bytes) -> str:
    """What a file of Postcard's says of itself."""
    xmp = Image.open(io.BytesIO(file)).info["xmp"].decode()
    return str(xmp.partition("<safelight:scene")[2].partition(">")[2].partition("</safelight:scene>")[0])


class Sender:
    """Sends files to a server that draws, and counts its answers by status and code."""

    def __init__(self, served: Served) -> None:
        headers = {"authorization": f"Bearer {served.key}"}
        self._client = httpx.Client(base_url=served.url, headers=headers, timeout=_SECONDS)
        self.answers: Counter[tuple[int, str]] = Counter()

    def drawn(self) -> list[str]:
        """The scenes of pictures that it draws."""
        return [scene_of(self._draw(prompt, number)) for number, prompt in enumerate(PROMPTS, start=1)]

    def _draw(self, prompt: str, seed: int) -> bytes:
        fields = {"model": "postcard", "prompt": prompt, "seed": seed, "size": "256x192", "output_format": "webp"}
        answer = self._client.post("/v1/images/generations", json=fields)
        assert answer.status_code == 200, answer.text
        return base64.b64decode(answer.json()["data"][0]["b64_json"])

    def send(self, number: int, scene: str) -> None:
        """One edit of a file with that scene."""
        fields = {"model": "postcard", "prompt": EDITS[number % len(EDITS)], "size": "64x64", "steps": "2"}
        answer = self._client.post("/v1/images/edits", data=fields, files={"image": ("a", file_with(scene))})
        code = "" if answer.status_code == 200 else str(answer.json()["error"]["code"])
        self.answers[answer.status_code, code] += 1

    def send_all(self, scenes: list[str], count: int) -> None:
        """So many changed scenes, and then one that was not: it still draws."""
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda one: self.send(*one), enumerate(mutated(scenes, count))):
                pass
        self.send(0, scenes[0])

    def close(self) -> None:
        self._client.close()


def main() -> int:
    """Send and tell."""
    parser = argparse.ArgumentParser(description="Sends drawings with changed scenes to a server.")
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), engine="local", log_level="error") as served:
        sender = Sender(served)
        sender.send_all(sender.drawn(), count)
        sender.close()
        print(dict(sender.answers))
        alive = served.process.poll() is None
    return 0 if alive and all(status in (200, 400) for status, _ in sender.answers) else 1


if __name__ == "__main__":
    sys.exit(main())
