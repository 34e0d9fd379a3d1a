"""What land is made of and what lies on it, for all rooms that draw land: crests, folds, stones, grass, copses."""

# Tested in tests/postcard/render/test_compose.py.
