"""Commands about models on this machine: what is here, what it can do, and where it fits."""
