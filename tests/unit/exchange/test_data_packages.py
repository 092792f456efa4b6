"""Data packages: read as finance and operations writes them, and refused when they are none or would burst."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dualwrite.errors import SettingsRefused
from dualwrite.exchange.package.archive import MOST_RATIO, SUSPICIOUS_BYTES, PackageFile, is_package
from dualwrite.exchange.package.manifest import (
    DataFormat,
    FieldMapping,
    Manifest,
    PackagedEntity,
    read_manifest,
    write_header,
    write_manifest,
)

_NAMESPACE = 'xmlns="http://schemas.microsoft.com/dynamics/2015/01/DataManagement"'


def entity(name: str, *, order: tuple[int, int, int] = (1, 1, 1), extra: str = "") -> str:
    unit, level, sequence = order
    return (
        f"<DataManagementPackageEntityData><EntityName>{name}</EntityName><ExecutionUnit>{unit}</ExecutionUnit>"
        f"<LevelInExecutionUnit>{level}</LevelInExecutionUnit><SequenceInLevel>{sequence}</SequenceInLevel>{extra}"
        "</DataManagementPackageEntityData>"
    )


def manifest(*entities: str) -> str:
    return (
        f'<?xml version="1.0" encoding="utf-16"?><DataManagementPackageManifest {_NAMESPACE}>'
        "<DefinitionGroupName>Setup</DefinitionGroupName><Description>Everything</Description>"
        f"<PackageEntityList>{''.join(entities)}</PackageEntityList></DataManagementPackageManifest>"
    )


def package(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_entities_come_in_the_order_of_unit_level_and_sequence_and_disabled_ones_do_not() -> None:
    text = manifest(
        entity("Lines", order=(1, 2, 1), extra="<SourceFormat>CSV</SourceFormat>"),
        entity("Second", order=(2, 1, 1), extra="<SourceFormat>XML-Attribute</SourceFormat>"),
        entity("Off", extra="<Disable>true</Disable><SourceFormat>CSV</SourceFormat>"),
        entity("Headers", order=(1, 1, 9), extra="<InputFilePath>C:\\in\\heads.xml</InputFilePath>"),
    )
    read = read_manifest(text.encode("utf-16"), file="setup.zip")
    assert (read.name, read.description) == ("Setup", "Everything")
    assert [(each.entity, each.file, each.format) for each in read.ordered] == [
        ("Headers", "heads.xml", DataFormat.XML_ELEMENT),
        ("Lines", "Lines.csv", DataFormat.CSV),
        ("Second", "Second.xml", DataFormat.XML_ATTRIBUTE),
    ]


def test_a_manifest_is_written_as_it_is_read() -> None:
    written = Manifest(
        "Customers & groups",
        "two tables",
        (
            PackagedEntity("Groups", "GroupEntity", "Groups.csv", DataFormat.CSV, mappings=(FieldMapping("ID", "Id"),)),
            PackagedEntity("Customers V3", "CustomerEntity", "c.xml", DataFormat.XML_ELEMENT, sequence=2),
        ),
    )
    assert read_manifest(write_manifest(written), file="") == written
    assert b"<PackageType>DefinitionGroup</PackageType>" in write_header(written)


def test_what_is_no_manifest_is_refused_in_words() -> None:
    wrong = {
        "<Document/>": "its root is Document",
        manifest(): "names no entity",
        manifest(
            entity("A", extra="<SourceFormat>EXCEL</SourceFormat>")
        ): "EXCEL cannot be read; export it as CSV or XML",
        manifest(entity("")): "an entity without a name",
        manifest(entity("A", extra="<SourceFormat>CSV</SourceFormat>")).replace(
            ">1<", ">one<"
        ): "'one' is not a number",
        '<!DOCTYPE a [<!ENTITY b "c">]><a/>': "document type",
        "no xml": "is no XML",
    }
    for text, reason in wrong.items():
        with pytest.raises(SettingsRefused, match=reason):
            read_manifest(text.encode("utf-16" if "utf-16" in text else "utf-8"), file="p.zip")


def test_members_are_found_whatever_folder_and_case_they_are_in(tmp_path: Path) -> None:
    text = manifest(entity("Groups", extra="<InputFilePath>GROUPS.CSV</InputFilePath>"))
    path = package(tmp_path / "p.zip", {"inner/manifest.xml": text.encode("utf-16"), "inner/Groups.csv": b"ID\n1\n"})
    assert is_package(path)
    with PackageFile(path) as opened:
        (only,) = opened.manifest.entities
        assert opened.size_of(only) == 5
        with opened.open(only) as stream:
            assert stream.read() == b"ID\n1\n"


def test_packages_that_are_none_are_refused_in_words(tmp_path: Path) -> None:
    missing = package(
        tmp_path / "missing.zip",
        {"Manifest.xml": manifest(entity("A", extra="<SourceFormat>CSV</SourceFormat>")).encode("utf-16")},
    )
    with PackageFile(missing) as opened, pytest.raises(SettingsRefused, match=r"has no A\.csv, the file of A"):
        opened.size_of(opened.manifest.entities[0])
    with pytest.raises(SettingsRefused, match=r"it has no Manifest\.xml"):
        PackageFile(package(tmp_path / "none.zip", {"a.csv": "A\n"}))
    (tmp_path / "torn.zip").write_bytes(missing.read_bytes()[:60])
    with pytest.raises(SettingsRefused, match="cannot be unpacked"):
        PackageFile(tmp_path / "torn.zip")
    with pytest.raises(SettingsRefused, match="cannot be read: no such file"):
        is_package(tmp_path / "nowhere.zip")


def test_a_member_that_would_burst_is_not_opened(tmp_path: Path) -> None:
    text = manifest(entity("A", extra="<SourceFormat>CSV</SourceFormat>")).encode("utf-16")
    path = package(tmp_path / "bomb.zip", {"Manifest.xml": text})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("A.csv", "w", force_zip64=True) as member,
    ):
        block = bytes(2**20)
        for _ in range(SUSPICIOUS_BYTES // 2**20 + 1):
            member.write(block)
    assert path.stat().st_size < SUSPICIOUS_BYTES / MOST_RATIO
    with pytest.raises(SettingsRefused, match="times what it takes; it was not opened"):
        PackageFile(path)


def test_a_damaged_member_is_told_while_it_is_read(tmp_path: Path) -> None:
    text = manifest(entity("A", extra="<SourceFormat>CSV</SourceFormat>")).encode("utf-16")
    path = package(tmp_path / "p.zip", {"Manifest.xml": text, "A.csv": "ID\n" + "x" * 5000})
    content = bytearray(path.read_bytes())
    at = content.find(b"A.csv") + 8
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    with PackageFile(path) as opened:
        stream = opened.open(opened.manifest.entities[0])
        with stream, pytest.raises(SettingsRefused, match=r"p\.zip: A\.csv cannot be unpacked"):
            stream.read()
