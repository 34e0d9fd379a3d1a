"""The line as a process of the cluster, and how it is spoken to."""
