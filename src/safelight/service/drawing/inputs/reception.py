"""Pictures to draw from are received: taken out of their addresses, decoded, and told from each other (CONTRACT 8)."""

# Tested in tests/api/test_edits.py.

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import io
import re
import weakref
from collections.abc import Sequence
from typing import BinaryIO

from msgspec.structs import replace

from safelight.contract.errors import InvalidRequest, Unavailable
from safelight.contract.requests.order import InputPicture, Role
from safelight.contract.requests.parsing import begun_with
from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.pictures import GivenPicture, PictureFacts, PictureFile
from safelight.service.ports.pictures import MOST_PIXELS_TOGETHER, DecodedPicture, Pictures, UnreadablePicture, Use

# Two requests of the largest kind, or three hundred of one picture of 1024x1024.
MOST_HELD_BYTES = 1024**3
_DATA = re.compile(r"data:[^,;]*(?:;[^,;]*)*;base64,", re.IGNORECASE)


class HeldPicture:
    """A `PictureFile` whose bytes are in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.sha256 = hashlib.sha256(content).hexdigest()

    @property
    def size(self) -> int:
        return len(self._content)

    def open(self) -> BinaryIO:
        return io.BytesIO(self._content)


class Reception:
    """Decodes what an edit begins with, and gives the request back with it.

    Counts what all decoded pictures take until nobody has them any more: a few files of a hundred kilobytes can be
    gigabytes of one colour.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self.held_bytes = 0

    async def received(self, request: ImageRequest, *, accepted: bool = False) -> ImageRequest:
        """The same request with its pictures decoded. One without pictures stays as it is. What was `accepted` before
        is not refused any more because others hold much.

        Raises:
            InvalidRequest: `invalid_image`, the first picture that cannot be drawn from; or no size has its shape.
            Unavailable: decoded pictures of others that are not drawn yet take all the memory that they may.
        """
        given = request.begin.all_given
        if not given or all(each.file is None and not each.url for each in given):
            return request
        files = [await _file_of(each) for each in given]
        edits, parts = request.model.capabilities_for(request.call).edits, request.begin.parts
        masked = edits is not None and edits.mask
        facts: list[PictureFacts] = []
        inputs: list[InputPicture] = []
        drawn_anew: InputPicture | None = None
        for place, (each, file, (role, name)) in enumerate(zip(given, files, parts, strict=True)):
            lone = place == 0 and masked and request.begin.given_mask is None
            if not accepted and not inputs and self.held_bytes > MOST_HELD_BYTES:
                raise _much_is_held()
            decoded = await self._decoded(each, file, _use(role, lone=lone))
            if role == "image" and edits is not None and edits.scene and decoded.scene is None:
                raise _no_scene(each)
            if role == "mask":
                _check_mask(each, decoded, facts[0])
            facts.append(_facts(file, decoded))
            _check_together(each, facts)
            inputs.append(self._counted(_input(file, decoded, decoded.pixels, role, name)))
            if decoded.mask is not None:
                drawn_anew = self._counted(_input(file, decoded, decoded.mask, "mask"))
        whole = [*inputs, drawn_anew] if drawn_anew is not None else inputs
        known = replace(request.begin, facts=tuple(facts), inputs=tuple(whole), files=tuple(files))
        return begun_with(request, known)

    def _counted(self, picture: InputPicture) -> InputPicture:
        size = len(picture.pixels)
        self.held_bytes += size
        weakref.finalize(picture, self._let_go, size).atexit = False
        return picture

    def _let_go(self, size: int) -> None:
        self.held_bytes -= size

    async def _decoded(self, given: GivenPicture, file: PictureFile, use: Use) -> DecodedPicture:
        try:
            return await self._pictures.decode(file, use)
        except UnreadablePicture as error:
            raise _invalid(given.param, f"`{given.param}` {error}.") from error


async def _file_of(given: GivenPicture) -> PictureFile:
    if given.file is not None:
        return given.file
    return await asyncio.to_thread(_content_of, given)


def _content_of(given: GivenPicture) -> HeldPicture:
    found = _DATA.match(given.url, 0, 1024)
    if found is None:
        raise _invalid(given.param, f"`{given.param}` holds no base64: it must begin like data:image/png;base64,")
    try:
        return HeldPicture(base64.b64decode(given.url[found.end() :].encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError):
        raise _invalid(given.param, f"`{given.param}` holds no valid base64 (RFC 4648, with padding).") from None


def _much_is_held() -> Unavailable:
    return Unavailable(
        "Pictures of other requests, decoded and not drawn yet, take all the memory that they may. Try again after the "
        "time in Retry-After.",
        code="engine_overloaded",
        retry_after_seconds=5.0,
    )


def _use(role: str, *, lone: bool) -> Use:
    """What a picture is decoded for. A `lone` image may hold its mask in its own transparency."""
    return "mask" if role == "mask" else "image with a mask" if role == "image" and lone else "image"


def _check_together(given: GivenPicture, facts: Sequence[PictureFacts]) -> None:
    if sum(one.width * one.height for one in facts) > MOST_PIXELS_TOGETHER:
        raise _invalid(
            given.param,
            f"With `{given.param}` the pictures have more than {MOST_PIXELS_TOGETHER:,} pixels together. "
            "That is the most: send smaller ones.",
        )


def _check_mask(given: GivenPicture, mask: DecodedPicture, first: PictureFacts) -> None:
    if (mask.width, mask.height) != (first.width, first.height):
        raise _invalid(
            given.param,
            f"`{given.param}` has {mask.width}x{mask.height} pixels, the first picture {first.width}x{first.height}. "
            "They must be the same.",
        )


def _no_scene(given: GivenPicture) -> InvalidRequest:
    return _invalid(
        given.param,
        f"`{given.param}` says nothing of its scene. This model edits its own drawings alone, by the scene that their "
        "files carry: PNG, JPEG or WebP as it drew them, with `provenance` or `full` metadata, and not saved again "
        "without it.",
    )


def _facts(file: PictureFile, decoded: DecodedPicture) -> PictureFacts:
    return PictureFacts(sha256=file.sha256, bytes=file.size, width=decoded.width, height=decoded.height)


def _input(file: PictureFile, decoded: DecodedPicture, pixels: bytes, role: Role, name: str = "") -> InputPicture:
    return InputPicture(
        role=role,
        name=name,
        sha256=file.sha256,
        width=decoded.width,
        height=decoded.height,
        pixels=pixels,
        scene=decoded.scene if role == "image" else None,
    )


def _invalid(param: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_image", param=param)
