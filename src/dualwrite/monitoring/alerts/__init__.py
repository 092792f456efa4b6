"""Alerts: what too many errors lead to, and who is told."""
