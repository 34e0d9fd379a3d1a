"""How a scene is sampled: what the denoiser is told, what an edit keeps, and what comes out."""
