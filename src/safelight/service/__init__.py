"""The use cases, and the ports that they need from outside. No HTTP, no SQL, no tensor."""
