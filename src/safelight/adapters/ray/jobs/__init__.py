"""Jobs of one api process on their way through the cluster, and the hosts that it knows."""
