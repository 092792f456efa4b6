"""The services over a house, as ASGI applications. Apart from the house, so that commands need not load them."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from dualwrite.composition.alerting import alert_desk
from dualwrite.composition.house import CONNECTION, DATAVERSE, FINOPS, House
from dualwrite.composition.linking import link_desk
from dualwrite.environments.hosted.dataverse_seed import ORGANIZATION_ID, ROOT_UNIT_ID
from dualwrite.metadata.schema import Side
from dualwrite.monitoring.metrics import page
from dualwrite.monitoring.readings import Readings
from dualwrite.security.audiences import LOOPBACK_OF, Audience, Audiences, bracketed
from dualwrite.security.authenticator import TokenAuthenticator
from dualwrite.security.clock import system_clock
from dualwrite.security.keys import KeyRing
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.security.tokens import Tokens
from dualwrite.servers.admin.app import build_admin_app
from dualwrite.servers.admin.desk import Desk
from dualwrite.servers.admin.metrics import metrics_router
from dualwrite.servers.dataverse.app import build_app as build_dataverse_app
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.finops.service import build_app as build_finops_app
from dualwrite.servers.finops.settings import FinopsServiceSettings
from dualwrite.servers.identity.app import build_identity_router
from dualwrite.servers.tracing import TracedService


@dataclass(frozen=True, slots=True)
class Apps:
    """The three services as ASGI applications."""

    admin: ASGIApp
    finops: ASGIApp
    dataverse: ASGIApp
    closing: asyncio.Event
    """Set it before the services stop: answers that last as long as somebody listens come to their end."""


def build_apps(house: House) -> Apps:
    """The services over the house, each answering to holders of its own tokens only."""
    settings, urls = house.settings, house.urls
    secrets_file = SecretsFile.open(settings.data_folder)
    keys = KeyRing(house.store.signing_keys, secrets_file)
    tokens = Tokens(keys, clock=system_clock, issuer=urls["admin"], lifetime=timedelta(seconds=settings.token_seconds))
    audiences = {
        service: Audience.of(urls[service], environment=environment, aliases=_aliases(settings.host, urls[service]))
        for service, environment in (("admin", None), ("finops", FINOPS), ("dataverse", DATAVERSE))
    }
    authenticators = {name: TokenAuthenticator(tokens, house.clients, audience) for name, audience in audiences.items()}
    token_secret = hashlib.sha256(f"skiptoken:{house.administrator.secret}".encode()).digest()
    identity = build_identity_router(
        clients=house.clients,
        tokens=tokens,
        keys=keys,
        audiences=Audiences(audiences.values()),
        base_url=urls["admin"],
    )
    closing = asyncio.Event()
    traced = _tracing(house)
    return Apps(
        closing=closing,
        admin=build_admin_app(
            desk=_desk(house),
            identity=identity,
            metrics=metrics_router(_metrics_page(house), authenticators["admin"]),
            authenticate=authenticators["admin"],
            instance=house.instance,
            closing=closing,
        ),
        finops=traced(
            build_finops_app(
                house.finops,
                authenticators["finops"],
                FinopsServiceSettings(skiptoken_secret=token_secret, page_rows=settings.finops_page_rows),
            ),
            FINOPS,
        ),
        dataverse=traced(
            build_dataverse_app(
                house.dataverse,
                authenticators["dataverse"],
                DataverseSettings(
                    organization_id=ORGANIZATION_ID,
                    business_unit_id=ROOT_UNIT_ID,
                    token_secret=token_secret,
                    largest_page_rows=settings.dataverse_page_rows,
                ),
                design=house.tables.design(Side.DATAVERSE),
            ),
            DATAVERSE,
        ),
    )


def _tracing(house: House) -> Callable[[ASGIApp, str], ASGIApp]:
    """Makes a service a traced one, where anybody wants traces."""
    tracer = house.pair.watching.tracer
    return lambda app, service: app if tracer is None else TracedService(app, service, tracer)


def _metrics_page(house: House) -> Callable[[], Awaitable[bytes]]:
    readings = Readings(
        house.store,
        CONNECTION,
        house.pair,
        house.tally,
        {FINOPS: house.finops.pools, DATAVERSE: house.dataverse.pools},
        system_clock,
    )

    async def written() -> bytes:
        return page(house.observatory.metrics, await readings.read())

    return written


def _desk(house: House) -> Desk:
    return Desk(
        store=house.store,
        connection=CONNECTION,
        pair=house.pair,
        router=house.router,
        tally=house.tally,
        conductor=house.conductor,
        lifecycle_of=house.lifecycle_of,
        ensure_tables=house.ensure_tables,
        catch_ups=house.catch_ups,
        alerts=alert_desk(house),
        link=link_desk(house),
        examination=house.examination,
        errors_of=house.errors_of,
    )


def _aliases(host: str, url: str) -> tuple[str, ...]:
    """What a service is called besides ``url`` where it listens on every address of the machine."""
    if host not in LOOPBACK_OF:
        return ()
    port = urlsplit(url).port
    return tuple(f"http://{bracketed(name)}:{port}" for name in (host, socket.gethostname()))
