"""The token endpoint: OAuth 2 client credentials, in the shape of the Microsoft identity platform."""

from dualwrite.servers.identity.app import build_identity_router

__all__ = ["build_identity_router"]
