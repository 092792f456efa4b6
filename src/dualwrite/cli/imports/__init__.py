"""Files into an environment: the import itself, the imports so far, and what they refused."""
