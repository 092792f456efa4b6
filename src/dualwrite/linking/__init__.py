"""Linking: which environments form a connection, and which legal entities take part."""
