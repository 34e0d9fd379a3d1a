"""A request from its fields to what the engine is told: read, checked, and said again."""
