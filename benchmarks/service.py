"""The three services in a process of their own: ``python -m benchmarks.service DATA_FOLDER`` prints their addresses."""

from __future__ import annotations

import asyncio
import signal
import sys

import orjson
import uvloop

from dualwrite.composition.house import open_house
from dualwrite.composition.services import build_apps
from dualwrite.servers.serving import bound_ports, serving
from dualwrite.settings import Settings


async def serve(data_folder: str) -> None:
    """Serve until told to stop."""
    free = Settings.load(data_folder=data_folder, admin_port=0, finops_port=0, dataverse_port=0)
    with bound_ports(free) as ports:
        settings = ports.within(free)
        async with open_house(settings) as house:
            apps = build_apps(house)
            running = {"admin": apps.admin, "finops": apps.finops, "dataverse": apps.dataverse}
            async with serving(running, ports, settings):
                stop = asyncio.Event()
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
                print(orjson.dumps(house.urls).decode(), flush=True)
                await stop.wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
