"""The engine port on this machine: worker processes, one per device, watched over and started again when they die."""
