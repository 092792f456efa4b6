"""Who may ask, and how they prove it: clients, their secrets, tokens, roles, and encryption at rest."""
