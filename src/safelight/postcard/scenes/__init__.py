"""Scenes: what a picture is made of, in which words, and as which text."""
