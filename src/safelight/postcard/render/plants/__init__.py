"""What grows: trees and small plants, each drawn by a pen, and the layers and frames that are made of them."""

# Tested in tests/postcard/render/test_compose.py.
