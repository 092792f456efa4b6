"""The command line: Typer commands over the house and over the running services."""
