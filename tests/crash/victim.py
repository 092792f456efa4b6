"""A process that gives birth to processes which are killed in the middle of their work.

It imports and compiles everything once, then forks a child for every order it reads from standard input (JSON lines)
and answers with a line about the child's end. Forking happens before any event loop or connection exists, so a victim
costs a few milliseconds.

Orders: ``{"place": "finops/target.prepared:2"}`` lets the child kill itself there; ``{"after_ms": 40}`` kills it from
outside; ``{"recover": "recovery.settling"}`` lets it recover and die there. ``clients`` is the number on each side.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass

from dualwrite.environments.crash_points import CrashPoints, kill_at, nowhere
from dualwrite.environments.port import Command, Create, Delete, RecordKey, Update
from dualwrite.errors import PreconditionFailed
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row, Value
from dualwrite.sync.recovery import Recovery
from linked_pair import CALLER, LinkedPair, demonstration_plans, hosted_dataverse, hosted_finops, open_linked

SHARED = "SHARED"
LONGEST_LIFE_S = 20.0


def customer_of(client: str, half: str) -> str:
    return f"{client}-{half}"


def group_of(client: str, number: int) -> str:
    return f"{client}-{number}"


@dataclass(frozen=True)
class Spelling:
    """How one side writes a customer and a customer group."""

    side: Side
    customers: str
    account: str
    counter: str
    memo: str
    version: str
    groups: str
    group: str
    description: str
    company: str


SPELLINGS = {
    Side.FINOPS: Spelling(
        Side.FINOPS,
        "CustCustomerV3Entity",
        "CustomerAccount",
        "OrganizationNumberOfEmployees",
        "SalesMemo",
        "RecVersion",
        "CustCustomerGroupEntity",
        "CustomerGroupId",
        "Description",
        "dataAreaId",
    ),
    Side.DATAVERSE: Spelling(
        Side.DATAVERSE,
        "account",
        "accountnumber",
        "numberofemployees",
        "description",
        "versionnumber",
        "msdyn_customergroup",
        "msdyn_groupid",
        "msdyn_description",
        "msdyn_company",
    ),
}


class Client:
    """Counts upwards: each transaction moves its two customers and the shared one on by one, and replaces its group."""

    def __init__(self, pair: LinkedPair, side: Side, name: str, company: Value, log: int) -> None:
        self._pair = pair
        self._words = SPELLINGS[side]
        self._environment = pair.finops if side is Side.FINOPS else pair.dataverse
        self._name = name
        self._company = company
        self._log = log

    async def run(self) -> None:
        while True:
            own = await self._customer(customer_of(self._name, "A"))
            number = int(str(own[self._words.counter])) + 1
            shared = await self._customer(SHARED)
            # Only the process dies, not the computer: what is written is kept.
            os.write(self._log, f"begin {self._name} {number}\n".encode())
            try:
                await self._environment.transact(self._commands(number, shared), caller=CALLER)
            except PreconditionFailed:
                continue
            os.write(self._log, f"done {self._name} {number}\n".encode())

    async def _customer(self, account: str) -> Row:
        words = self._words
        return await self._pair.row(
            words.side.value, words.customers, **{words.company: self._company, words.account: account}
        )

    def _commands(self, number: int, shared: Row) -> list[Command]:
        words, marker = self._words, f"{self._name} {number}"
        of_company = {words.company: self._company}
        commands: list[Command] = [
            Create(words.groups, {**of_company, words.group: group_of(self._name, number), words.description: marker})
        ]
        for half in ("A", "B"):
            key = RecordKey(((words.company, self._company), (words.account, customer_of(self._name, half))))
            commands.append(Update(words.customers, key, {words.counter: number, words.memo: marker}))
        key = RecordKey(((words.company, self._company), (words.account, SHARED)))
        more = int(str(shared[words.counter])) + 1
        version = int(str(shared[words.version]))
        commands.append(Update(words.customers, key, {words.counter: more}, version=version))
        if number > 1:
            old = RecordKey(((words.company, self._company), (words.group, group_of(self._name, number - 1))))
            commands.append(Delete(words.groups, old))
        return commands


def _reached(order: dict[str, str]) -> dict[Side, CrashPoints]:
    side, _, place = order.get("place", "").partition("/")
    return {each: kill_at(place) if side == each.value else nowhere for each in Side}


async def _live(order: dict[str, str], alive: int) -> None:
    reached = _reached(order)
    finops = hosted_finops(order["finops"], reached=reached[Side.FINOPS])
    dataverse = hosted_dataverse(order["dataverse"], reached=reached[Side.DATAVERSE])
    async with open_linked(finops, dataverse, reached=(reached[Side.FINOPS], reached[Side.DATAVERSE])) as pair:
        if "recover" in order:
            await Recovery(pair.pair, reached=kill_at(order["recover"])).run()
            return
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        companies: dict[Side, Value] = {Side.FINOPS: "usmf", Side.DATAVERSE: await pair.company_id()}
        clients = [
            Client(pair, side, f"{side.value[0]}{number}", companies[side], log)
            for side in Side
            for number in range(int(order["clients"]))
        ]
        os.write(alive, b".")
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run())


def _child(order: dict[str, str], alive: int) -> None:
    code = 0
    try:
        asyncio.run(_live(order, alive))
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code)


def _carry_out(order: dict[str, str]) -> dict[str, object]:
    """Fork a child, kill it when told so, and tell how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(order, writing)
    os.close(writing)
    if "after_ms" in order:
        select.select([reading], [], [], LONGEST_LIFE_S)
        time.sleep(float(order["after_ms"]) / 1000)
        os.kill(pid, signal.SIGKILL)
    status = _wait(pid)
    os.close(reading)
    return {"killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, "status": status}


def _wait(pid: int) -> int:
    deadline = time.monotonic() + LONGEST_LIFE_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.002)
    os.kill(pid, signal.SIGTERM)
    return os.waitpid(pid, 0)[1]


def main() -> None:
    demonstration_plans()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(_carry_out(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
