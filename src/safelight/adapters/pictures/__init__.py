"""Pictures of strangers, decoded in a process that may die."""
