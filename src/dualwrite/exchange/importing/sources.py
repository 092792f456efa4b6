"""Which files hold the records of which tables: data packages, CSV files and XML files, in the order of import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from dualwrite.errors import CatalogRefused, SettingsRefused
from dualwrite.exchange.files.csv_records import CsvFile
from dualwrite.exchange.files.encoding import ByteStream
from dualwrite.exchange.files.piece import DataFile
from dualwrite.exchange.files.xml_records import XmlFile
from dualwrite.exchange.package.archive import PackageFile, is_package
from dualwrite.exchange.package.manifest import PackagedEntity
from dualwrite.exchange.typed_records import RecordReader
from dualwrite.metadata.schema import EnvironmentSchema, Table
from dualwrite.metadata.values import LegalEntityId

_XML: Final = ".xml"


@dataclass(frozen=True)
class RecordSource:
    """A file of records of one table. ``size_bytes`` is how much there is to read, where that is known."""

    reader: RecordReader
    file: DataFile
    progress: ReadBytes
    size_bytes: int

    @property
    def table(self) -> Table:
        return self.reader.table


@dataclass(slots=True)
class ReadBytes:
    """How much of a file has been read since it was last opened."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class _Counted:
    """A stream that counts what is read from it."""

    stream: ByteStream
    progress: ReadBytes

    def read(self, size: int = -1, /) -> bytes:
        block = self.stream.read(size)
        self.progress.count += len(block)
        return block

    def __enter__(self) -> _Counted:
        self.progress.count = 0
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.__exit__(*error)  # type: ignore[arg-type]


@contextmanager
def open_sources(
    paths: Sequence[Path], schema: EnvironmentSchema, *, entity: str | None, company: LegalEntityId | None
) -> Iterator[Sequence[RecordSource]]:
    """The records of all files, those of a package in the order of its manifest.

    A file that is no package is named after its entity, unless ``entity`` tells what it holds. Nothing has been read
    but manifests. Raises: SettingsRefused, CatalogRefused for a table that the environment does not have.
    """
    with ExitStack() as stack:
        sources: list[RecordSource] = []
        for path in paths:
            if is_package(path):
                package = stack.enter_context(PackageFile(path))
                sources += [_packaged(package, each, schema, company) for each in package.manifest.ordered]
            else:
                sources.append(_single(path, schema, entity, company))
        yield sources


def _packaged(
    package: PackageFile, entity: PackagedEntity, schema: EnvironmentSchema, company: LegalEntityId | None
) -> RecordSource:
    table = schema.find(entity.target) if entity.target else None
    table = table or schema.find(entity.entity)
    if table is None:
        name = entity.target or entity.entity
        raise CatalogRefused(
            f"{entity.file}: the {schema.side.value} environment has no table {name!r}. Create it "
            f"(dualwrite tables --help), or leave {entity.entity} out of the package."
        )
    reader = RecordReader(
        table,
        file=entity.file,
        mappings={each.field.casefold(): each.column for each in entity.mappings},
        company=company,
        fields_vary=entity.format.is_xml,
    )
    return _source(reader, partial(package.open, entity), package.size_of(entity), is_xml=entity.format.is_xml)


def _single(path: Path, schema: EnvironmentSchema, entity: str | None, company: LegalEntityId | None) -> RecordSource:
    name = entity or path.stem
    table = schema.find(name)
    if table is None and entity is None:
        raise SettingsRefused(
            f"{path.name}: the {schema.side.value} environment has no table {name!r}. Name the entity that the file "
            "is of: --entity CustomersV3"
        )
    is_xml = path.suffix.casefold() == _XML
    reader = RecordReader(table or schema.table(name), file=path.name, company=company, fields_vary=is_xml)
    return _source(reader, partial(_opened, path), path.stat().st_size, is_xml=is_xml)


def _source(reader: RecordReader, opener: Callable[[], ByteStream], size_bytes: int, *, is_xml: bool) -> RecordSource:
    progress = ReadBytes()

    def opened() -> ByteStream:
        return _Counted(opener(), progress)

    return RecordSource(reader, XmlFile(opened) if is_xml else CsvFile(opened), progress, size_bytes)


def _opened(path: Path) -> ByteStream:
    try:
        return path.open("rb")
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
