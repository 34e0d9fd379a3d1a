"""A checkpoint's files: where they are, how they are laid out, and whether they may be read."""
