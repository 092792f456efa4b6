"""Folders of map files: stable names and texts, and refusals that name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dualwrite.errors import MapRefused, SettingsRefused
from dualwrite.lifecycle.folder_files import connection_text, file_names, read_folder, read_text, write_folder
from dualwrite.maps.text import render_map
from dualwrite.maps.values import ColumnMapping, MapVersion, Version

UNITS = MapVersion("Units (uoms)", Version(1), "us", "UnitEntity", "uom", columns=(ColumnMapping("SYMBOL", "name"),))
TEXT = render_map(UNITS)


def export(folder: Path, *, version: MapVersion = UNITS, text: str = TEXT, **keys: tuple[str, ...]) -> tuple[str, ...]:
    return write_folder(folder, {version.name: (version, text)}, names=file_names([version.name, "Units"]), keys=keys)


def test_a_folder_reads_back_as_it_was_written(tmp_path: Path) -> None:
    assert export(tmp_path / "maps", uom=("name",)) == ("units-uoms.yaml", "connection.yaml")
    wanted = read_folder(tmp_path / "maps")
    assert [each.version for each in wanted.maps] == [UNITS]
    assert (wanted.active, wanted.keys) == ({"Units (uoms)": Version(1)}, {"uom": ("name",)})
    assert read_folder(tmp_path / "maps", maps_only=True).active == {}


def test_writing_twice_changes_no_file_and_no_comment(tmp_path: Path) -> None:
    export(tmp_path)
    file = tmp_path / "units-uoms.yaml"
    file.write_text("# why\n" + TEXT)
    assert export(tmp_path) == ()
    assert file.read_text().startswith("# why")


def test_another_version_replaces_the_file_of_its_map_wherever_that_is(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "units-uoms.yaml").rename(tmp_path / "mine.yml")
    new = TEXT.replace("1.0.0.0", "1.0.0.1")
    version = MapVersion(**{**{name: getattr(UNITS, name) for name in UNITS.__slots__}, "version": Version(1, 0, 0, 1)})
    assert export(tmp_path, version=version, text=new) == ("mine.yml", "connection.yaml")
    assert (tmp_path / "mine.yml").read_text() == new


def test_what_a_folder_says_of_other_maps_stays(tmp_path: Path) -> None:
    (tmp_path / "connection.yaml").write_text("maps:\n  Other: 1.0.0.3\nintegration_keys:\n  other: [a, b.c]\n")
    export(tmp_path)
    wanted = read_folder(tmp_path)
    assert wanted.active == {"Other": Version(1, 0, 0, 3), "Units (uoms)": Version(1)}
    assert wanted.keys == {"other": ("a", "b.c")}


def test_files_are_called_like_their_maps_and_never_share_one() -> None:
    names = file_names(["Customers V3 (accounts)", "A/B", "a b", "connection", "ß", "x" * 300])
    assert names["Customers V3 (accounts)"] == "customers-v3-accounts.yaml"
    assert len(set(names.values())) == len(names)
    assert "connection.yaml" not in names.values()
    assert max(map(len, names.values())) < 100


@pytest.mark.parametrize("name", ["Plain", "with: colon", 'quote " and \\', "- dash", "1.0.0.0", "null", "é"])
def test_every_name_reads_back(tmp_path: Path, name: str) -> None:
    (tmp_path / "connection.yaml").write_text(connection_text({name: Version(1)}, {name: (name,)}), encoding="utf-8")
    wanted = read_folder(tmp_path)
    assert (wanted.active, wanted.keys) == ({name: Version(1)}, {name: (name,)})


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("maps:\n  A: 1.0\n", 2, "not a version"),
        ("maps:\n  A: 1.0.0.0\n  A: 1.0.0.1\n", 3, "stands here twice"),
        ("keys: {}\n", 1, "unknown key 'keys'; known are maps, integration_keys"),
        ("integration_keys:\n  a: b\n", 2, "the columns of a key are a list"),
        ("maps: [\n", 2, ""),
        ("- a\n", 1, "entries are expected"),
    ],
)
def test_a_wrong_connection_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    (tmp_path / "connection.yaml").write_text(text)
    with pytest.raises(MapRefused) as refusal:
        read_folder(tmp_path)
    assert refusal.value.message.startswith(f"{tmp_path}/connection.yaml:{line}: ")
    assert reason in refusal.value.message


def test_a_wrong_map_file_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(TEXT + "- NOT A LINE\n")
    with pytest.raises(MapRefused, match=rf"{tmp_path}/bad\.yaml:{TEXT.count(chr(10)) + 1}: 'NOT A LINE'"):
        read_folder(tmp_path)
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(MapRefused, match=r"bad\.yaml:1: the file cannot be read"):
        read_folder(tmp_path)


def test_a_file_that_is_not_there_is_told_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(MapRefused) as refusal:
        read_text(tmp_path / "nope.yaml")
    assert refusal.value.message == f"{tmp_path}/nope.yaml cannot be read: no such file or directory"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="no folder"):
        read_folder(tmp_path / "nowhere")
