"""Killing processes over one linked pair, and looking at what they left."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from victim import SHARED, customer_of

from databases import Databases
from dualwrite.metadata.schema import Side
from dualwrite.sync.recovery import Recovered, Recovery
from linked_pair import LinkedPair, demonstration_plans

CLIENTS = 2
NAMES = tuple(f"{side.value[0]}{number}" for side in Side for number in range(CLIENTS))


@dataclass
class Drill:
    """A linked pair, the processes that are killed over it, and what holds after each."""

    databases: Databases
    pair: LinkedPair
    process: subprocess.Popen[str]
    log: Path
    kills: Counter[str] = field(default_factory=Counter)

    def kill(self, *, clients: int = 1, **order: object) -> bool:
        """A child does the work of ``order`` and is killed; False when it ended otherwise."""
        assert self.process.stdin is not None and self.process.stdout is not None
        common = {"finops": self.databases.finops, "dataverse": self.databases.dataverse, "log": str(self.log)}
        self.process.stdin.write(json.dumps({**common, "clients": clients, **order}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if answer["killed"]:
            self.kills[str(order.get("place") or order.get("recover") or "random").partition(":")[0]] += 1
        return bool(answer["killed"])

    async def recover(self) -> Recovered:
        return await Recovery(self.pair.pair).run()

    async def complaints(self) -> list[str]:
        """Everything that does not hold of what it should after recovery; empty when all is well."""
        found = await self.pair.differences(demonstration_plans())
        found += [f"left prepared: {each.name}" for each in await self.pair.finops.prepared()]
        found += [f"left prepared: {each.name}" for each in await self.pair.dataverse.prepared()]
        found += self._bookkeeping()
        return found + await self._counts()

    def _bookkeeping(self) -> list[str]:
        """A change is decided in its source exactly when it is accepted in its target."""
        found: list[str] = []
        with psycopg.connect(self.databases.finops) as finops, psycopg.connect(self.databases.dataverse) as dataverse:
            for source, target in ((finops, dataverse), (dataverse, finops)):
                decided = {row[0] for row in source.execute("SELECT change_id FROM dualwrite.decision")}
                accepted = {row[0] for row in target.execute("SELECT change_id FROM dualwrite.acceptance")}
                found += [f"decided, not applied: {each}" for each in decided - accepted]
                found += [f"applied, not decided: {each}" for each in accepted - decided]
                query = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
                found += [f"prepared: {gid}" for (gid,) in source.execute(query)]
        return found

    async def _counts(self) -> list[str]:
        """Each client's last transaction is there whole, was begun, and none that was acknowledged is missing."""
        begun, done = self._logged()
        found: list[str] = []
        total = 0
        for name in NAMES:
            images: dict[str, object] = {}
            for half in ("A", "B"):
                customer = await self.pair.customer(customer_of(name, half))
                account = await self.pair.account(customer_of(name, half))
                images[f"finops {half}"] = (customer["OrganizationNumberOfEmployees"], customer["SalesMemo"])
                images[f"dataverse {half}"] = (account["numberofemployees"], account["description"])
            number = int(str(customer["OrganizationNumberOfEmployees"]))
            total += number
            groups = [
                str(row["CustomerGroupId"])
                for row in await self.pair.rows("finops", "CustCustomerGroupEntity", dataAreaId="usmf")
                if str(row["CustomerGroupId"]).startswith(f"{name}-")
            ]
            if set(images.values()) != {(number, f"{name} {number}" if number else "start")}:
                found.append(f"half applied: {images}")
            if groups != ([f"{name}-{number}"] if number else []):
                found.append(f"half applied: {name} is at {number}, its groups are {groups}")
            if not done[name] <= number <= begun[name]:
                found.append(f"{name} is at {number}; begun {begun[name]}, acknowledged {done[name]}")
        shared = (await self.pair.customer(SHARED))["OrganizationNumberOfEmployees"]
        if shared != total:
            found.append(f"{total} transactions counted the shared customer up to {shared}")
        return found

    def _logged(self) -> tuple[Counter[str], Counter[str]]:
        begun: Counter[str] = Counter()
        done: Counter[str] = Counter()
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            what, name, number = line.split()
            counter = begun if what == "begin" else done
            counter[name] = max(counter[name], int(number))
        return begun, done
