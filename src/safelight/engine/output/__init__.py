"""What becomes of latents and pictures: previews, checks, files and what is written into them."""
