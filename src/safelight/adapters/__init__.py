"""The outside behind the service's ports: databases, worker processes, metrics, logs."""
