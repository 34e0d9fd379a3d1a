"""Commands that start servers and clusters, or show how they stand."""
