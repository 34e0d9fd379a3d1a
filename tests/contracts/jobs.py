"""Jobs and endings as the tests of the job store have them."""

from __future__ import annotations

from typing import Any

import msgspec

from safelight.adapters.sql.jobs import ROW_BYTES
from safelight.contract.records.jobs import Course, JobRecord, KeptImage, Origin, Wanted
from safelight.service.ports.stores.jobs import Ending

FINISHED = Ending(state="finished", when=20.0, image=KeptImage(file="f", bytes=100, fingerprint="x"))
CANCELLED = Ending(state="cancelled", when=21.0)


def job(number: int, prompt: str = "a boat", **fields: Any) -> JobRecord:
    """A job with that number; `fields` are those of any part of it."""
    usual = {"id": f"job_{number}", "owner": "key-a", "model": "postcard", "request_id": "r", "created": number / 1e6}
    given: dict[str, Any] = usual | fields
    origin = {name: given.pop(name) for name in Origin.__struct_fields__ if name in given}
    course = {name: given.pop(name) for name in Course.__struct_fields__ if name in given}
    size = {name: given.pop(name, 64) for name in ("width", "height")}
    return JobRecord(
        number=number,
        id=given.pop("id"),
        stored_bytes=ROW_BYTES + len(prompt.encode()) + len(msgspec.json.encode({"prompt": prompt, "seed": 0})),
        origin=Origin(**origin),
        wanted=Wanted(
            model=given.pop("model"),
            drawn_by="postcard",
            request={"prompt": prompt, "seed": 0},
            seed=7,
            output_format="png",
            **size,
        ),
        course=Course(**course),
        **given,
    )
