"""Who may do what: readers look, customizers change maps, administrators do everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dualwrite.environments.port import Caller
from dualwrite.errors import RoleRefused
from dualwrite.security.roles import Role
from dualwrite.servers.admin.desk import Authenticate

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="An access token for this service: from the token endpoint, or from `dualwrite token admin`.",
)


async def _caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)] = None
) -> Caller:
    authenticate: Authenticate = request.app.state.authenticate
    return await authenticate(request.headers.get("authorization"))


def _allowed(*roles: Role) -> Callable[[Caller], Awaitable[Caller]]:
    names = [each.value for each in roles]

    async def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not caller.roles.intersection(names):
            raise RoleRefused(
                f"{caller.name} may not do this: it takes the role {' or '.join(names)}. "
                "Ask a system administrator for it.",
                roles=names,
            )
        return caller

    return check


Reader = Annotated[Caller, Depends(_allowed(Role.READER, Role.SYSTEM_CUSTOMIZER, Role.SYSTEM_ADMINISTRATOR))]
"""May look at everything."""
Customizer = Annotated[Caller, Depends(_allowed(Role.SYSTEM_CUSTOMIZER, Role.SYSTEM_ADMINISTRATOR))]
"""May change, start and stop maps."""
Administrator = Annotated[Caller, Depends(_allowed(Role.SYSTEM_ADMINISTRATOR))]
"""May do everything."""
