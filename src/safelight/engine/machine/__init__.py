"""What this machine is: devices, memory, cores, and what its libraries refuse."""
