"""The service on port 8000: health, status, and the token endpoint."""
