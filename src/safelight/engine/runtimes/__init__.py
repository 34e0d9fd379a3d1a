"""Other libraries than PyTorch that compute a denoiser, behind the same calls."""
