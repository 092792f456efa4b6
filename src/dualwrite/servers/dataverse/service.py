"""The service: which part answers a request, and how writes become transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualwrite.environments.port import Caller, Environment, Operation, RecordChange, TableDesign
from dualwrite.errors import DualwriteError, EnvironmentUnavailable, RecordNotFound
from dualwrite.metadata.schema import EnvironmentSchema
from dualwrite.servers.dataverse.composing import Referenced
from dualwrite.servers.dataverse.csdl import metadata_document
from dualwrite.servers.dataverse.definition_queries import Definitions
from dualwrite.servers.dataverse.definition_writes import DefinitionWrites
from dualwrite.servers.dataverse.exchange import NO_CONTENT, VERSION, Reply, Request, json_reply
from dualwrite.servers.dataverse.functions import Functions
from dualwrite.servers.dataverse.model import NAMESPACE, ServiceModel
from dualwrite.servers.dataverse.problems import method_refused, unknown_segment
from dualwrite.servers.dataverse.reading import RowReader, View
from dualwrite.servers.dataverse.settings import DataverseSettings
from dualwrite.servers.dataverse.writing import NO_REFERENCES, Outcome, WritePlan, WritePlanner
from dualwrite.servers.odata.options import check_write_options
from dualwrite.servers.odata.path import Segment, parse_path
from dualwrite.servers.odata.refusals import MalformedRequest

XML_TYPE = ("Content-Type", "application/xml")
WRITING_METHODS = frozenset({"POST", "PATCH", "PUT", "DELETE"})
METHODS = frozenset({"GET"}) | WRITING_METHODS


@dataclass(frozen=True, slots=True)
class PreparedWrite:
    """A request that writes, checked; ``view`` is what it wants back, None for nothing."""

    request: Request
    plan: WritePlan
    view: View | None


class Service:
    """One environment behind the Web API; answers single requests."""

    def __init__(
        self,
        environment: Environment,
        schema: EnvironmentSchema,
        settings: DataverseSettings,
        design: TableDesign | None = None,
    ) -> None:
        """``schema`` are the environment's tables as this service knows them; without ``design`` they stay so."""
        self._environment = environment
        self._settings = settings
        self._model = ServiceModel(schema)
        self._planner = WritePlanner(self._model)
        self._reader = RowReader(environment, self._model, settings)
        self._functions = Functions(environment, self._model, self._reader, settings)
        self._definitions = Definitions(self._model)
        self._definition_writes = DefinitionWrites(self._model, design)
        self._metadata: bytes | None = None

    async def answer(self, request: Request) -> Reply:
        """The answer to one request outside of a change set.

        Raises: DualwriteError, whatever the request or the environment cannot do.
        """
        if request.method not in METHODS:
            raise method_refused(request.method, allowed=sorted(METHODS))
        called = await self._functions.answer(request)
        if called is not None:
            return called
        segments = parse_path(request.path)
        if request.method != "GET" and segments and segments[0].name in self._definition_writes:
            return await self._definition_writes.answer(request, segments)
        fixed = self._fixed(request, segments)
        if fixed is not None:
            return fixed
        if request.method == "GET":
            return await self._reader.answer(request, segments)
        write = self.prepare(request, segments)
        changes = await self.carry_out([write], caller=request.caller)
        return await self.written(write, changes)

    def _fixed(self, request: Request, segments: tuple[Segment, ...]) -> Reply | None:
        """Answers that no row takes part in: documents and definitions."""
        if segments and segments[0].name in self._model.by_set:
            return None
        if not segments or segments[0].name == "$metadata":
            if request.method != "GET" or len(segments) > 1:
                raise method_refused(request.method, allowed=("GET",))
            return self._document() if segments else self._service_document(request)
        if segments[0].name in self._definitions:
            return self._definitions.answer(request, segments)
        if segments[0].content_reference is not None:
            raise MalformedRequest(f"Content-ID Reference: '{segments[0].name}' does not exist in the batch context.")
        raise unknown_segment(segments[0].name)

    def _document(self) -> Reply:
        if self._metadata is None:
            self._metadata = metadata_document(self._model)
        return Reply(200, (XML_TYPE, VERSION), self._metadata)

    def _service_document(self, request: Request) -> Reply:
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(self._model.by_set)]
        return json_reply({"@odata.context": f"{request.root}$metadata", "value": sets})

    # --- writes -------------------------------------------------------------------------------------------------

    def prepare(
        self,
        request: Request,
        segments: tuple[Segment, ...],
        *,
        references: Mapping[str, Referenced] = NO_REFERENCES,
        offset: int = 0,
    ) -> PreparedWrite:
        """Everything that can be wrong with ``request`` itself has been found. Raises: RequestRefused."""
        plan = self._planner.plan(request, segments, references=references, offset=offset)
        view = self._reader.view(request, plan.entity) if request.query or request.header("prefer") else None
        if view is not None:
            check_write_options(view.options)
        return PreparedWrite(request, plan, view)

    async def carry_out(self, writes: Sequence[PreparedWrite], *, caller: Caller) -> Sequence[RecordChange]:
        """The commands of ``writes`` as one transaction. Raises: DualwriteError.

        A row that is missing is told by the key under which its request addressed it.
        """
        commands = [command for write in writes for command in write.plan.commands]
        try:
            return await self._environment.transact(commands, caller=caller)
        except RecordNotFound as error:
            missing = _blamed(writes, error)
            if missing is None:
                raise
            raise missing from error

    async def written(self, write: PreparedWrite, changes: Sequence[RecordChange]) -> Reply:
        """What a request is answered with after its commands did ``changes``."""
        plan, view = write.plan, write.view
        if plan.outcome is Outcome.DONE:
            return NO_CONTENT
        if plan.outcome is Outcome.IDS:
            return self._ids(write.request, plan, changes)
        change = changes[plan.subject]
        entity_id = self._entity_id(write.request, plan, change)
        if view is not None and view.preferences.representation and change.after is not None:
            status = 201 if change.operation is Operation.CREATE else 200
            try:
                reply = await self._reader.row_reply(write.request, view, change.after, status=status, written=True)
            except EnvironmentUnavailable:
                # The row is written: an error here would tell the caller the opposite.
                return Reply(204, (VERSION, entity_id))
            return Reply(reply.status, (*reply.headers, entity_id), reply.body)
        return Reply(204, (VERSION, entity_id))

    def _entity_id(self, request: Request, plan: WritePlan, change: RecordChange) -> tuple[str, str]:
        """A row addressed by an alternate key is told by that key, as it was written."""
        if plan.addressed_by_alternate_key:
            return ("OData-EntityId", request.root + request.path)
        row_id = change.image[plan.entity.id_column.name]
        return ("OData-EntityId", f"{request.root}{plan.entity.set_name}({row_id})")

    def _ids(self, request: Request, plan: WritePlan, changes: Sequence[RecordChange]) -> Reply:
        key = plan.entity.id_column.name
        ids = [changes[position].image[key] for position in plan.created]
        context = f"{request.root}$metadata#{NAMESPACE}.CreateMultipleResponse"
        return json_reply({"@odata.context": context, "Ids": ids})


def _blamed(writes: Sequence[PreparedWrite], error: RecordNotFound) -> DualwriteError | None:
    """The refusal in the words of the request whose command found no row."""
    position = error.details.get("command")
    if not isinstance(position, int):
        position = 0 if len(writes) == 1 else -1
    start = 0
    for write in writes:
        end = start + len(write.plan.commands)
        if start <= position < end:
            return write.plan.address.missing() if write.plan.address is not None else None
        start = end
    return None
