"""The integration jobs: maps whose creates and updates are moved outside the users' transactions."""
