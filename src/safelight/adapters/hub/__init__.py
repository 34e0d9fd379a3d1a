"""The model hub: what it lists, and files that are fetched from it."""
