"""Several processes that draw from one store: whose claim holds, what the others do, and what they lost."""
