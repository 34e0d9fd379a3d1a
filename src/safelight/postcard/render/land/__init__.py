"""Layers of land: hills, mountains, volcanoes, rock, islands, fields."""
