"""The API keeps what its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from admin_room import GROUPS, Client

_EXAMPLES = "2"
_SEED = "20260101"
_EXCEPTIONS = """
# What an alert setting names has to be there, and addresses have to be ones: no schema can say that.
[[operations]]
include-operation-id = "setAlert"
checks.positive_data_acceptance.expected-statuses = [200, 401, 403, 404, 409, 422]

# A link that has been taken apart would leave little to ask for.
[[operations]]
include-operation-id = "unlink"
generation.mode = "negative"
"""


async def test_whatever_is_sent_the_answers_are_those_that_are_described(
    client: Client, address: str, tmp_path: Path
) -> None:
    started = await client.post("/maps/actions/run", {"maps": [GROUPS]}, code=202)
    document = await client.get("/openapi.json")
    # A key that belongs to another request is rightly refused: requests under keys have tests of their own.
    for each in document["paths"].values():
        for operation in each.values():
            operation["parameters"] = [it for it in operation.get("parameters", ()) if it["name"] != "Idempotency-Key"]
            for parameter in operation["parameters"]:
                if parameter["name"] == "run":
                    parameter["example"] = started["id"].partition(".")[2]
    (tmp_path / "schemathesis.toml").write_text(_EXCEPTIONS)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    options = ("--phases", "examples,coverage,fuzzing", "--checks", "all", "--seed", _SEED)
    bounds = ("--max-examples", _EXAMPLES, "--no-shrink", "--continue-on-failure", "--max-failures", "20")
    command = ("openapi.json", "--url", address, *options, *bounds, "--header", "Authorization: Bearer administrator")
    run = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
    )
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()


async def test_the_document_names_every_operation_once_and_describes_it(client: Client) -> None:
    document = await client.get("/openapi.json")
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    assert all(each["tags"] and each["description"] for each in operations)
    known = {each["name"] for each in document["tags"]}
    assert {tag for each in operations for tag in each["tags"]} == known
    for path in document["paths"].values():
        for method, each in path.items():
            assert {"401", "403", "404", "422"} <= set(each["responses"])
            keyed = any(it["name"] == "Idempotency-Key" for it in each.get("parameters", ()))
            assert keyed == (method == "post"), each["operationId"]
