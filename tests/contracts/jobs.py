"""Jobs and endings as the tests of the job store have them."""

from __future__ import annotations

from typing import Any

import msgspec

from safelight.adapters.sql.jobs import ROW_BYTES
from safelight.contract.jobs import JobRecord, KeptImage
from safelight.service.ports.jobs import Ending

FINISHED = Ending(state="finished", when=20.0, image=KeptImage(file="f", bytes=100, fingerprint="x"))
CANCELLED = Ending(state="cancelled", when=21.0)


def job(number: int, prompt: str = "a boat", **fields: Any) -> JobRecord:
    given: dict[str, Any] = {"id": f"job_{number}", "owner": "key-a", "model": "postcard"} | fields
    return JobRecord(
        number=number,
        created=number / 1e6,
        stored_bytes=ROW_BYTES + len(prompt.encode()) + len(msgspec.json.encode({"prompt": prompt, "seed": 0})),
        request_id="r",
        drawn_by="postcard",
        request={"prompt": prompt, "seed": 0},
        seed=7,
        width=64,
        height=64,
        output_format="png",
        **given,
    )
