"""The steps that lead every earlier schema of dual-write's own database to the current one."""
