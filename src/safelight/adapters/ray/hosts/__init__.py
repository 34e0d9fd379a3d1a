"""A host: a process of the cluster that draws for many api processes, and what it says of itself."""
