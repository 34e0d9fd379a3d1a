"""Bodies of requests as they arrive, bounded in size and time."""
