"""What is drawn from, made ready: pictures that were sent, and prompts that are written anew."""
