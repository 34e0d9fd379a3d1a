"""Tables of `safelight.toml`: models, LoRAs, hosts, upstreams and what else is a group of settings."""
