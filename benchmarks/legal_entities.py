"""Two hundred and fifty legal entities are added to a link whose maps run, in one command."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.initial_sync.world import CALLER, USMF, linked_house
from dualwrite.composition.house import House
from dualwrite.environments.port import Create, RowQuery

COUNT = 250
_TOGETHER = 50
_COMMAND = (sys.executable, "-m", "dualwrite", "--json", "--data-folder")


async def measure_legal_entities(folder: Path) -> None:
    """Prints how long the command took, and says so when a row is missing."""
    console = Console(width=120)
    async with linked_house(folder, (USMF,)) as house:
        await _fill(house)
        started = time.perf_counter()
        added = await asyncio.to_thread(_add_all, folder)
        seconds = time.perf_counter() - started
        rows = len((await house.dataverse.read(RowQuery("msdyn_customergroup", columns=("msdyn_groupid",)))).rows)
    total = added["initial_sync"]["total"]
    console.print(
        f"{len(added['added'])} legal entities added in {seconds:.1f} s, process included: "
        f"{total['inserted']:,} rows copied, {total['refused']} refused, {rows:,} customer groups in Dataverse"
    )


async def _fill(house: House) -> None:
    codes = [f"c{number:03}" for number in range(COUNT)]
    for first in range(0, COUNT, _TOGETHER):
        some = codes[first : first + _TOGETHER]
        entities = [Create("OMLegalEntity", {"LegalEntityId": each, "Name": f"Company {each}"}) for each in some]
        groups = [
            Create("CustCustomerGroupEntity", {"dataAreaId": each, "CustomerGroupId": number, "Description": number})
            for each in some
            for number in ("10", "20")
        ]
        await house.finops.transact([*entities, *groups], caller=CALLER)


def _add_all(folder: Path) -> Any:
    command = [*_COMMAND, str(folder), "link", "legal-entities", "add", "--all"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
