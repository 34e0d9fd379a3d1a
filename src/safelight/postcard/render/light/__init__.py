"""The light of a scene: palettes for each hour, how it falls on things, how a palette turns colours."""

# Tested in tests/postcard/render/test_compose.py.
