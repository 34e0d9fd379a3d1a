"""Drawing from pictures: which pipeline does it, and how it takes them."""
