"""Things, each drawn by a pen in its own units; `drawings` says which code draws which thing."""

# Tested in tests/postcard/render/test_compose.py.
