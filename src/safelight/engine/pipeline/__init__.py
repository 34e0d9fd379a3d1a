"""A pipeline of diffusers as the engine calls it: its signature, its arguments, its stand-ins."""
