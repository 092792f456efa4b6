"""The functions of the service that are answered here: WhoAmI, RetrieveVersion, RetrieveTotalRecordCount."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from dualwrite.environments.port import Environment, RowQuery
from dualwrite.filters.tree import ColumnPath, Compare, Comparison
from dualwrite.servers.dataverse.exchange import Reply, Request, json_reply
from dualwrite.servers.dataverse.model import NAMESPACE, ServiceModel
from dualwrite.servers.dataverse.problems import invalid_argument, method_refused
from dualwrite.servers.dataverse.reading import RowReader
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.odata.json_body import read_json
from dualwrite.servers.odata.options import parse_options
from dualwrite.servers.odata.path import decode_percent
from dualwrite.servers.odata.refusals import MalformedRequest

Function: TypeAlias = Callable[[Request, str], Awaitable[Reply]]

_CALL = re.compile(r"(?:Microsoft\.Dynamics\.CRM\.)?([A-Za-z]+)(?:\((.*)\))?/?", re.DOTALL)
_FIRST_LETTERS = ("W", "R", "Microsoft.")
"""No set begins like this, so the addresses of rows are not looked at twice."""


class Functions:
    """Finds and calls the functions by name."""

    def __init__(
        self, environment: Environment, model: ServiceModel, reader: RowReader, settings: DataverseSettings
    ) -> None:
        self._environment = environment
        self._model = model
        self._reader = reader
        self._settings = settings
        self._by_name: Mapping[str, Function] = {
            "WhoAmI": self._who_am_i,
            "RetrieveVersion": self._retrieve_version,
            "RetrieveTotalRecordCount": self._retrieve_total_record_count,
        }

    async def answer(self, request: Request) -> Reply | None:
        """What the function that the path calls gives; None where it calls none. Raises: RequestRefused."""
        if not request.path.startswith(_FIRST_LETTERS):
            return None
        match = _CALL.fullmatch(decode_percent(request.path))
        function = self._by_name.get(match[1]) if match else None
        if match is None or function is None:
            return None
        if request.method != "GET":
            raise method_refused(request.method, allowed=("GET",))
        return await function(request, match[2] or "")

    async def _who_am_i(self, request: Request, arguments: str) -> Reply:
        caller = request.caller
        user_id = caller.user_id or uuid5(NAMESPACE_URL, f"dualwrite:systemuser:{caller.name}")
        unit = await self._business_unit(user_id)
        return json_reply(
            {
                "@odata.context": f"{request.root}$metadata#{NAMESPACE}.WhoAmIResponse",
                "BusinessUnitId": unit or self._settings.business_unit_id,
                "UserId": user_id,
                "OrganizationId": self._settings.organization_id,
            }
        )

    async def _business_unit(self, user_id: UUID) -> UUID | None:
        users = self._model.by_table.get("systemuser")
        if users is None or "businessunitid" not in users.by_column:
            return None
        where = Compare(Comparison.EQ, ColumnPath((users.id_column.name,)), user_id)
        query = RowQuery("systemuser", columns=("businessunitid",), where=where, limit=1)
        rows = (await self._environment.read(query)).rows
        unit = rows[0]["businessunitid"] if rows else None
        return unit if isinstance(unit, UUID) else None

    async def _retrieve_version(self, request: Request, arguments: str) -> Reply:
        context = f"{request.root}$metadata#{NAMESPACE}.RetrieveVersionResponse"
        return json_reply({"@odata.context": context, "Version": self._settings.version})

    async def _retrieve_total_record_count(self, request: Request, arguments: str) -> Reply:
        tables = _entity_names(request, arguments)
        counts: list[int] = []
        for table in tables:
            entity = self._model.by_table.get(table)
            if entity is None:
                raise invalid_argument(f"The entity with a name = '{table}' was not found in the MetadataCache.")
            counts.append(await self._reader.total(entity))
        response = {"Count": len(tables), "IsReadOnly": False, "Keys": tables, "Values": counts}
        context = f"{request.root}$metadata#{NAMESPACE}.RetrieveTotalRecordCountResponse"
        return json_reply({"@odata.context": context, "EntityRecordCountCollection": response})


def _entity_names(request: Request, arguments: str) -> list[str]:
    """The parameter ``EntityNames``, inline or by alias: a list in quotes of either kind. Raises: MalformedRequest."""
    text = arguments.removeprefix("EntityNames=")
    if text.startswith("@"):
        text = next((value for name, value in parse_options(request.query).aliases if name == text[1:]), "")
    value = read_json(text.replace("'", '"').encode("utf-8", "replace"))
    names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or not names or len(names) < len(value):
        raise MalformedRequest("EntityNames must be a list of table names.")
    return names
