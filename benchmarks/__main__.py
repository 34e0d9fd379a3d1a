"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import encode, jobs, overhead

raise SystemExit(max(encode.main(), jobs.main(), overhead.main()))
