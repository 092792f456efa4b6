"""The activity log as files, and how long it is kept."""
