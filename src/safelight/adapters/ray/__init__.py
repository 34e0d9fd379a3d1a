"""The engine port over many machines: Ray Serve keeps hosts alive, a line says who is next, and hosts draw."""
