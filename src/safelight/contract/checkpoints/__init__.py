"""The files of checkpoints: how they are named, where they lie on this machine, and what their configurations say."""
