"""What an environment's tables look like: tables, columns, keys, lookups, enums and choices as values. Pure."""
