"""What a checkpoint can do and how it wants to be run, read off its classes and configurations."""
