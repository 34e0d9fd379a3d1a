"""What people built: houses and monuments, each drawn by a pen; towns, streets and rooms made of them."""

# Tested in tests/postcard/render/test_compose.py.
