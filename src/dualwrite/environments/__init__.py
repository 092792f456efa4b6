"""The port to an environment and the adapters behind it."""
