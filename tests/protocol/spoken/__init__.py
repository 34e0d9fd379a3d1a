"""What is said in a cluster, as the last release said it."""
