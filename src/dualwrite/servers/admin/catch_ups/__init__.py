"""The catch-ups: what waited while maps were paused, brought to its end."""
