"""Settings become models on offer, and whatever draws them: workers, a cluster, or the fake engine."""
