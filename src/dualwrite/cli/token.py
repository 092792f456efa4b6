"""``dualwrite token``: a bearer token for curl and the like."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from dualwrite.cli.invocation import invocation
from dualwrite.cli.services import Services


class Service(Enum):
    """For which service a token is."""

    FINOPS = "finops"
    DATAVERSE = "dataverse"
    ADMIN = "admin"


def token(context: typer.Context, service: Annotated[Service, typer.Argument(help="What the token is for.")]) -> None:
    """Print an access token of the local administrator, and nothing else."""
    call = invocation(context)
    services = Services.of(call.settings())
    value = services.token(service.value)
    call.output.text({"service": service.value, "url": services.urls[service.value], "access_token": value}, value)
