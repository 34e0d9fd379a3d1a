"""What the api process, its workers and their template say to each other, and how it lies on a socket."""
