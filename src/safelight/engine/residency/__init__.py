"""Which models stand on a device, which wait in the host's memory, and what loading takes."""
