"""Judges of prompts and pictures, behind the `ContentFilter` port."""
