"""What is above and before the land: backdrops, sky, clouds, weather."""

# Tested in tests/postcard/render/test_compose.py.
