"""The process that reads one file's credentials: `python -P -m safelight.adapters.credentials.process`.

On its input come eight bytes, the length of the trusted certificates (PEM, may be none), these, and then the file. It
answers with `Answer` as JSON. The file is a stranger's, so once the library is loaded the process can open nothing any
more, and has bounds of memory and time.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from typing import Any

import c2pa
import msgspec

from safelight.adapters.credentials.statement import GENERATED, about, creation
from safelight.adapters.credentials.wire import LENGTH_BYTES, Answer
from safelight.adapters.processes.confinement import confine
from safelight.contract.picture_files.unsigned import media_type, unsigned
from safelight.service.ports.credentials import Credentials, SignatureState

BOUNDS = {"AS": 2 * 1024**3, "CPU": 10}
_MOST_TEXT = 2000
_STATES: dict[str, SignatureState] = {"Trusted": "trusted", "Valid": "valid"}
# XMP lies in a file as text, between these (ISO 16684-1, 7.3). Two megabytes of it are more than anybody writes.
_XMP = re.compile(rb"<x:xmpmeta.{0,2000000}?</x:xmpmeta", re.DOTALL)


def answer(content: bytes, trusted: str) -> Answer:
    """What the file says of its origin."""
    kind = media_type(content)
    if kind is None:
        return Answer(fault="is no PNG, JPEG or WebP file")
    bare = unsigned(content)
    found = Credentials(
        state="not_present",
        unsigned_sha256=hashlib.sha256(bare).hexdigest(),
        marked=any(source.encode() in packet for packet in _XMP.findall(bare) for source in GENERATED),
    )
    settings: dict[str, Any] = {
        "version": 1,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    }
    if trusted:
        settings["trust"] = {"user_anchors": trusted}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(kind, io.BytesIO(content), context=context) as reader,
        ):
            return Answer(credentials=_read(reader, found))
    except c2pa.C2paError.ManifestNotFound:
        return Answer(credentials=found)
    except c2pa.C2paError as error:
        if len(bare) != len(content):  # there is a statement, and it cannot be made out
            return Answer(credentials=msgspec.structs.replace(found, state="invalid"))
        return Answer(fault=f"cannot be read: {str(error)[:200]}")


def _read(reader: c2pa.Reader, found: Credentials) -> Credentials:
    state = _STATES.get(str(reader.get_validation_state()), "invalid")
    active: dict[str, Any] = reader.get_active_manifest() or {}
    signature: dict[str, Any] = active.get("signature_info") or {}
    made, said = creation(active), about(active)
    return msgspec.structs.replace(
        found,
        state=state,
        generated=state != "invalid" and made.get("digitalSourceType") in GENERATED,
        issuer=_text(signature.get("issuer")),
        model=_text(said.get("model")),
        generated_at=_text(made.get("when") or signature.get("time")),
        fingerprint=_text(said.get("fingerprint")),
        prompt=_text(said.get("prompt")),
    )


def _text(value: object) -> str | None:
    return value[:_MOST_TEXT] if isinstance(value, str) else None


def main() -> None:
    """Answer about the file on the standard input."""
    given = sys.stdin.buffer
    confine(**BOUNDS)
    trusted = given.read(int.from_bytes(given.read(LENGTH_BYTES), "big")).decode()
    try:
        said = answer(given.read(), trusted)
    except MemoryError:
        said = Answer(fault="takes more memory to read than is allowed")
    sys.stdout.buffer.write(msgspec.json.encode(said))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
