"""Routes of batches and of the files that they read and write."""
