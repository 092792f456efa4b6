"""The link: its health, its legal entities, its owning teams, creating and ending it."""
