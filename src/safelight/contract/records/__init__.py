"""What is kept beyond one answer: durable jobs, batches, and what a key may have drawn."""
