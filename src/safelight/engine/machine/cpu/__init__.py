"""The processor and its memory: how many threads are fastest, and what other programs leave."""
