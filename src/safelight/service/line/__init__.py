"""The line over many hosts: policy alone. Times are arguments, nothing is awaited, and all of it is in memory."""
