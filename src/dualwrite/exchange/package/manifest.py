"""The manifest of a data-management package: its entities in order, their files, and which field fills which column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Final

from dualwrite.errors import DualwriteError, SettingsRefused
from dualwrite.solutions.package.elements import Element, read_xml, write_xml

MANIFEST: Final = "Manifest.xml"
HEADER: Final = "PackageHeader.xml"
_NAMESPACE: Final = "http://schemas.microsoft.com/dynamics/2015/01/DataManagement"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ROOT: Final = "DataManagementPackageManifest"
_ENTITY: Final = "DataManagementPackageEntityData"
_MANIFEST_TYPE: Final = (
    "Microsoft.Dynamics.AX.Framework.Tools.DataManagement.Serialization.DataManagementPackageManifest"
)


class DataFormat(Enum):
    """How the records of an entity are written. The value is the source data format that a manifest names."""

    CSV = "CSV"
    XML_ELEMENT = "XML-Element"
    XML_ATTRIBUTE = "XML-Attribute"

    @property
    def is_xml(self) -> bool:
        return self is not DataFormat.CSV

    @property
    def suffix(self) -> str:
        return ".xml" if self.is_xml else ".csv"


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The ``field`` of the file fills the ``column`` of the entity."""

    field: str
    column: str


@dataclass(frozen=True, slots=True)
class PackagedEntity:
    """One entity of a package. ``entity`` is its name to people, ``target`` its technical name, empty when not told.

    ``mappings`` is empty where fields are called as the columns. Entities are imported by ``unit``, ``level`` and
    ``sequence``.
    """

    entity: str
    target: str
    file: str
    format: DataFormat
    unit: int = 1
    level: int = 1
    sequence: int = 1
    disabled: bool = False
    mappings: tuple[FieldMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """``name`` is that of the definition group."""

    name: str
    description: str
    entities: tuple[PackagedEntity, ...]

    @property
    def ordered(self) -> tuple[PackagedEntity, ...]:
        """The entities that are not disabled, in the order they are to be imported in."""
        taken = (each for each in self.entities if not each.disabled)
        return tuple(sorted(taken, key=lambda each: (each.unit, each.level, each.sequence)))


# --- reading --------------------------------------------------------------------------------------------------------


def read_manifest(content: bytes, *, file: str) -> Manifest:
    """What the manifest of the package ``file`` says. Raises: SettingsRefused."""
    try:
        root = read_xml(content, file=file, member=MANIFEST)
    except DualwriteError as error:
        raise SettingsRefused(error.message) from error
    if root.tag.rpartition(":")[2] != _ROOT:
        raise SettingsRefused(f"{file}: {MANIFEST} is no manifest of a data package: its root is {root.tag}")
    listed = root.child("PackageEntityList")
    entities = tuple(_entity(each, file=file) for each in listed.every(_ENTITY)) if listed is not None else ()
    if not entities:
        raise SettingsRefused(f"{file}: {MANIFEST} names no entity")
    return Manifest(root.text_of("DefinitionGroupName"), root.text_of("Description"), entities)


def _entity(element: Element, *, file: str) -> PackagedEntity:
    name = element.text_of("EntityName") or element.text_of("TargetEntity")
    if not name:
        raise SettingsRefused(f"{file}: {MANIFEST}, line {element.line}: an entity without a name")
    where = f"{file}: {MANIFEST}, {name}"
    path = element.text_of("InputFilePath").replace("\\", "/")
    data_format = _format(element.text_of("SourceFormat"), path, where=where)
    return PackagedEntity(
        entity=name,
        target=element.text_of("TargetEntity"),
        file=PurePosixPath(path).name or f"{name}{data_format.suffix}",
        format=data_format,
        unit=_number(element, "ExecutionUnit", where=where),
        level=_number(element, "LevelInExecutionUnit", where=where),
        sequence=_number(element, "SequenceInLevel", where=where),
        disabled=element.text_of("Disable").casefold() == "true",
        mappings=tuple(_mappings(element)),
    )


def _format(named: str, path: str, *, where: str) -> DataFormat:
    """By the name of the source data format where that tells it (``CSV-Unicode`` …), else by the file's."""
    suffix = PurePosixPath(path).suffix.casefold()
    folded = named.casefold()
    if folded.startswith("csv") or (not folded.startswith(("xml", "excel")) and suffix in (".csv", ".txt")):
        return DataFormat.CSV
    if folded.startswith("xml") or suffix == ".xml":
        return DataFormat.XML_ATTRIBUTE if "attribute" in folded else DataFormat.XML_ELEMENT
    raise SettingsRefused(f"{where}: {named or 'files without a format'} cannot be read; export it as CSV or XML")


def _number(element: Element, name: str, *, where: str) -> int:
    text = element.text_of(name) or "1"
    if not text.isascii() or not text.isdigit():
        raise SettingsRefused(f"{where}: {name} {text!r} is not a number")
    return int(text)


def _mappings(element: Element) -> Iterator[FieldMapping]:
    listed = element.child("EntityMapList")
    for each in listed.every("EntityMap") if listed is not None else ():
        field, column = each.text_of("XMLField"), each.text_of("EntityField")
        if field and column:
            yield FieldMapping(field, column)


# --- writing --------------------------------------------------------------------------------------------------------


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest as finance and operations writes it, elements in their alphabetical order."""
    root = Element(_ROOT, {"xmlns:i": _INSTANCE, "xmlns": _NAMESPACE})
    root.add("DefinitionGroupName", manifest.name)
    root.add("Description", manifest.description)
    listed = root.add("PackageEntityList")
    for each in manifest.entities:
        _write_entity(listed.add(_ENTITY), each)
    return write_xml(root)


def _write_entity(element: Element, entity: PackagedEntity) -> None:
    element.add("DefaultRefreshType", "FullPush")
    element.add("Disable", str(entity.disabled).lower())
    _write_mappings(element.add("EntityMapList"), entity.mappings)
    element.add("EntityName", entity.entity)
    element.add("ExecutionUnit", str(entity.unit))
    element.add("FailExecutionUnitOnError", "false")
    element.add("FailLevelOnError", "false")
    element.add("InputFilePath", entity.file)
    element.add("LevelInExecutionUnit", str(entity.level))
    element.add("RunBusinessLogic", "true")
    element.add("RunBusinessValidation", "true")
    element.add("SequenceInLevel", str(entity.sequence))
    element.add("SkipStaging", "false")
    element.add("SourceFormat", entity.format.value)
    element.add("TargetEntity", entity.target)


def _write_mappings(element: Element, mappings: Sequence[FieldMapping]) -> None:
    for each in mappings:
        entry = element.add("EntityMap")
        entry.add("ArrayIndex", "0")
        entry.add("EntityField", each.column)
        entry.add("EntityFieldConversionList", **{"i:nil": "true"})
        for name in ("IsAutoDefault", "IsAutoGenerated", "IsDefaultValueEqualNull", "UseTextQualifier"):
            entry.add(name, "false")
        entry.add("XMLField", each.field)


def write_header(manifest: Manifest) -> bytes:
    """The header that goes with a manifest."""
    root = Element("DataManagementPackageHeader", {"xmlns:i": _INSTANCE, "xmlns": _NAMESPACE})
    root.add("Description", manifest.name)
    root.add("ManifestType", _MANIFEST_TYPE)
    root.add("PackageType", "DefinitionGroup")
    root.add("PackageVersion", "2")
    return write_xml(root)
