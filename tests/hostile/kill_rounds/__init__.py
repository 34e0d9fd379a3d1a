"""Rounds of killing and stopping at random, under load: api processes, their workers, PostgreSQL, callers who leave.

`python -m tests.hostile.kill_rounds --rounds 200 --seed 7` does as many as one likes, `--engine local` with Postcard.
`--engine ray` does it over a Ray cluster that is begun for it: hosts and their workers, the line, whole machines and
the head's GCS, which is away for a minute now and then, are killed and stopped too.
What was accepted is counted by those who asked. At the end each job must have ended once, with one row, one file and
the bytes of an undisturbed picture.
"""
