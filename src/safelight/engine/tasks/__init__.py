"""What a job asks for, in a pipeline's words: which arguments it takes, and what becomes of its result."""
