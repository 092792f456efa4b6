"""Imports of files into a linked pair of environments, kept in a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dualwrite.environments.bulk import BulkEnvironment
from dualwrite.exchange.importing.chunk import ChunkWriter
from dualwrite.exchange.importing.frames import FrameWriter
from dualwrite.exchange.importing.importer import Importer, ImportReport
from dualwrite.exchange.importing.rows import RowWriter
from dualwrite.exchange.importing.sources import open_sources
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import LegalEntityId
from dualwrite.store.database import Store
from dualwrite.store.file_imports import FileImport, FileRefusal, FileRefusalFilter
from dualwrite.sync.frame_changes import FrameChanges
from dualwrite.sync.live import LiveSync
from linked_pair import CALLER, FixedRouter, LinkedPair, demonstration_plans


@dataclass(frozen=True)
class Imports:
    """Imports files into the environments of a linked pair. ``folder`` is where their files are."""

    linked: LinkedPair
    store: Store
    folder: Path

    def environment(self, side: Side) -> BulkEnvironment:
        return self.linked.finops if side is Side.FINOPS else self.linked.dataverse

    def writer(self, side: Side = Side.FINOPS, *, by_frames: bool = True) -> ChunkWriter:
        source, target = self.environment(side), self.environment(side.partner)
        rows = RowWriter(source, caller=CALLER)
        if not by_frames:
            return rows
        router = FixedRouter(self.linked.pair, demonstration_plans())
        live = LiveSync(source=source, target=target, pair=self.linked.pair, router=router, tally=self.linked.tally)
        return FrameWriter(source, FrameChanges(live, source=source, target=target), rows)

    async def load(
        self,
        *paths: Path,
        entity: str | None = None,
        side: Side = Side.FINOPS,
        company: str | None = None,
        by_frames: bool = True,
    ) -> ImportReport:
        environment = self.environment(side)
        importer = Importer(environment, self.store.file_imports, self.writer(side, by_frames=by_frames))
        home = LegalEntityId(company) if company else None
        with open_sources(paths, environment.schema, entity=entity, company=home) as sources:
            return await importer.run(sources, files=[each.name for each in paths], who="tests")

    async def load_text(self, text: str, *, entity: str = "CustomersV3", by_frames: bool = True) -> ImportReport:
        return await self.load(self.file("records.csv", text), entity=entity, by_frames=by_frames)

    async def again(self, earlier: FileImport) -> ImportReport:
        importer = Importer(self.linked.finops, self.store.file_imports, self.writer())
        return await importer.again(earlier, who="tests")

    async def refused(self, report: ImportReport, *, open_only: bool = True) -> list[FileRefusal]:
        which = FileRefusalFilter(open_only=open_only)
        number = report.imported.number
        return [each async for some in self.store.file_imports.refused(number, which, batch_rows=7) for each in some]

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, newline="")
        return path
