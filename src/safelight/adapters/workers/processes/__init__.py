"""How worker processes come to be, by themselves or from a template, and what is said to one."""
