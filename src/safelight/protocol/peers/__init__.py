"""What api processes of one database say to each other."""
