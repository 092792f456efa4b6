"""The solutions that the connection has or can have."""
