"""The alert settings, and the events that they have raised."""
