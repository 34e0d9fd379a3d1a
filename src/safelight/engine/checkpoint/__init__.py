"""From files on this disk to a model that can draw."""
