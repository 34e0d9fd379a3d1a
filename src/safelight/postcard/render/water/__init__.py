"""Layers of water: seas, lakes and rivers, waterfalls, ice, the sea bed."""
