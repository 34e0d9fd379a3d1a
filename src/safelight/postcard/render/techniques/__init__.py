"""What several styles are made with: the medium that each of them is, margins, hatching, pieces, panes."""

# Tested in tests/postcard/render/test_compose.py.
