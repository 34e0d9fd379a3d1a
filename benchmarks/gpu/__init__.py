"""What only a GPU can show, in minutes: `scripts/gpu_check.sh`."""
