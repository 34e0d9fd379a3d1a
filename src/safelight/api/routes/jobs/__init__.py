"""Routes of durable jobs: lists, answers, events."""
