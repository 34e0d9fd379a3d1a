"""What is said on the wire and what it means. Standard library and msgspec only; imports nothing of ours above it."""
