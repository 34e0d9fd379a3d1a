"""Where histograms of seconds have their bounds."""

# Tested in tests/api/test_routes.py.

# From a cached picture of a small model to a large one at the end of a full queue.
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
