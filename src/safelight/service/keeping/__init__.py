"""What is kept, where, for how long, and how much room there is for it."""
