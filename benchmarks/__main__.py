"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import encode, jobs, overhead, studio

raise SystemExit(max(encode.main(), jobs.main(), overhead.main(), studio.main()))
