"""Settings, an engine and stores become the use cases that routes are given."""
