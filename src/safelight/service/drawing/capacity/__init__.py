"""Whether there is room for a request: models that can draw, and seconds of work that are under way."""
