"""What is above and before the land: backdrops, sky, clouds, weather."""
