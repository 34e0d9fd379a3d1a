"""What a drawing is made of and made into: colours, shapes, SVG, textures, pixels. Knows nothing of scenes."""

# Tested in tests/postcard/render/test_compose.py.
