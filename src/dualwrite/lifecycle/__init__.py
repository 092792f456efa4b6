"""A map's life: not running, initializing, running, and what leads from one to the other."""
