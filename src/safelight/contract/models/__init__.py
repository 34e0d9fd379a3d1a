"""What a model can do, costs and is loaded with, and what its operator decides about it."""
