"""Stand-ins for a pipeline's components, and the calls that they hand to the engine."""
