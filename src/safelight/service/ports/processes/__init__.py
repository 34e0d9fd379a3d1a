"""What processes of one store tell each other while they run."""
