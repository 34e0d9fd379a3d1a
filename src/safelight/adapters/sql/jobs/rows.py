"""A job as a row, and back."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row

from safelight.adapters.sql.clock import DatabaseNow
from safelight.contract.records.jobs import Course, JobError, JobRecord, KeptImage, Origin, Wanted, facts_in
from safelight.contract.requests.prompt_cut import PromptCut
from safelight.service.ports.stores.jobs import LEASE_SECONDS

# Counted for each row beside its texts. 100,000 rows with short prompts and all indexes took 500 bytes each; this is
# on the safe side, for their marks, the log and pages that are half full.
ROW_BYTES = 2000
LEASE_END = DatabaseNow() + LEASE_SECONDS


def row_of(job: JobRecord) -> dict[str, Any]:
    """What the table keeps of a new job."""
    row: dict[str, Any] = {"number": job.number, "id": job.id, "starred": job.starred}
    for part in (job.origin, job.wanted, job.course):
        row |= msgspec.structs.asdict(part)
    error, image = row.pop("error"), job.image
    row["lease_until"] = None if job.course.holder is None else LEASE_END
    row["prompt"] = job.wanted.request["prompt"]
    row |= {"error_code": error and error.code, "error_message": error and error.message}
    row |= {} if image is None else of_image(image)
    prompt, request = len(job.wanted.request["prompt"].encode()), len(msgspec.json.encode(job.wanted.request))
    prompt += len((job.wanted.revised_prompt or "").encode())
    inputs = sum(facts.bytes for facts in facts_in(job.wanted.request))
    row["stored_bytes"] = ROW_BYTES + prompt + request + inputs + (image.bytes if image else 0)
    return row


def of_image(image: KeptImage) -> dict[str, Any]:
    """The columns of a picture."""
    cuts = msgspec.to_builtins(image.cuts) or None
    return {
        "file": image.file,
        "image_bytes": image.bytes,
        "fingerprint": image.fingerprint,
        "prompt_cuts": cuts,
        "average_color": image.average_color,
    }


def record_of(row: Row[*tuple[Any, ...]]) -> JobRecord:
    """The job that a row keeps."""
    error = None if row.error_code is None else JobError(row.error_code, row.error_message or "")
    image = None
    if row.file is not None:
        cuts = msgspec.convert(row.prompt_cuts or (), tuple[PromptCut, ...])
        image = KeptImage(
            file=row.file,
            bytes=row.image_bytes,
            fingerprint=row.fingerprint,
            cuts=cuts,
            average_color=row.average_color,
        )
    return JobRecord(
        id=row.id,
        number=row.number,
        origin=Origin(**_of(row, Origin)),
        wanted=Wanted(**_of(row, Wanted)),
        course=Course(**_of(row, Course), error=error),
        starred=row.starred,
        image=image,
        stored_bytes=row.stored_bytes,
    )


def _of(row: Row[*tuple[Any, ...]], part: type[Origin | Wanted | Course]) -> dict[str, Any]:
    """The fields of a part of a job, which the row calls by the same names; an error has columns of its own."""
    return {name: getattr(row, name) for name in part.__struct_fields__ if name != "error"}
