"""Styles: how the same scene looks in another medium."""
