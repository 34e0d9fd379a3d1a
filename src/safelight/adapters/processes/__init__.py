"""Processes of our own programs: started, confined, and their memory told."""
