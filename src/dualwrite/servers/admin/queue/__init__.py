"""The queue of paused maps."""
