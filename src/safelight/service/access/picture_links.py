"""Links to kept pictures that need no key: each is signed, and ends by itself."""

# Tested in tests/api/test_picture_links.py.

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable

from safelight.contract.errors import Gone, NotFound

PICTURES_PATH = "v1/pictures"
_NAME = re.compile(r"(job_[0-9a-z]+)\.(png|jpeg|webp|svg)")
_SECONDS = re.compile(r"[1-9][0-9]{0,11}")
# Said of every link that is not good, so that it tells nobody which pictures there are.
NO_PICTURE = "There is no picture at this link: it was changed on its way, or the picture was deleted."


class PictureLinks:
    """Signs with HMAC-SHA-256 (RFC 2104) what a link says: which picture, and until when (Unix seconds).

    All servers of a database have the same `secret`, so each takes what another has signed. A link lasts `seconds`.
    """

    def __init__(self, secret: str, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._seconds = seconds
        self._clock = clock

    def path(self, job_id: str, output_format: str) -> str:
        """The path and query of a link to that job's picture, without a slash before it."""
        name, expires = f"{job_id}.{output_format}", str(int(self._clock() + self._seconds))
        return f"{PICTURES_PATH}/{name}?expires={expires}&signature={self._signature(name, expires)}"

    def check(self, name: str, expires: str, signature: str) -> tuple[str, float]:
        """The job whose picture a link shows, and for how many seconds more it does.

        Raises:
            NotFound: nobody here signed that.
            Gone: its time is over.
        """
        expected = self._signature(name, expires)
        is_ours = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
        found = _NAME.fullmatch(name)
        if not is_ours or found is None or not _SECONDS.fullmatch(expires):
            raise NotFound(NO_PICTURE)
        left = int(expires) - self._clock()
        if left <= 0:
            raise Gone("This link has ended. Whoever asked for the picture has to ask for a new link.")
        return found[1], left

    def _signature(self, name: str, expires: str) -> str:
        said = f"{name}\n{expires}".encode("utf-8", "surrogatepass")
        digest = hmac.new(self._secret, said, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
