"""What api processes, hosts and the line between them say to each other on a cluster."""
