"""Pictures on their way: what they cost, who shares one, and how each request ends."""
