"""Layers of land: hills, mountains, volcanoes, rock, islands, fields."""

# Tested in tests/postcard/render/test_compose.py.
