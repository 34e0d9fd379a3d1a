"""What happens to a finished picture before anybody is given it."""
