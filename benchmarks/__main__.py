"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

from benchmarks import drawing, encode, jobs, overhead, studio

raise SystemExit(max(drawing.main([]), encode.main(), jobs.main(), overhead.main(), studio.main()))
