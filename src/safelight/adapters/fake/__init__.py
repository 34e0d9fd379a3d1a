"""Fakes that ship: an engine that draws stripes, and stores in memory."""
