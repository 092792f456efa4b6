"""The PostgreSQL behind everything: a server found, started or given by URL, and the databases on it."""
