"""Layers of water: seas, lakes and rivers, waterfalls, ice, the sea bed."""

# Tested in tests/postcard/render/test_compose.py.
