"""Solution files as they are published: read, and written again."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.catalog import load_schema
from dualwrite.errors import SolutionRefused
from dualwrite.maps.values import ColumnMapping, Default, FilterExit, SyncDirection, ValueMap, Version
from dualwrite.metadata.schema import Side
from dualwrite.solutions.package.elements import Element, read_xml
from dualwrite.solutions.package.file import read_package, write_package
from dualwrite.solutions.package.values import Naming, Package
from solution_files import (
    BOM,
    CUSTOMERS,
    ORDERS,
    MapElement,
    cabinet,
    column,
    customizations,
    default,
    malformed,
    mapping,
    published_maps,
    runtime_configuration,
    solution,
    solution_xml,
    value_map,
    zipped,
)

BOTH, FORTH, BACK = SyncDirection.BOTH, SyncDirection.TO_DATAVERSE, SyncDirection.TO_FINOPS


@pytest.fixture(scope="module")
def naming() -> Naming:
    return Naming((load_schema(Side.FINOPS),), (load_schema(Side.DATAVERSE),))


def read(data: bytes, naming: Naming) -> Package:
    return read_package(data, file="maps.zip", naming=naming)


def one_map(content: object, naming: Naming, **more: str) -> Package:
    return read(solution([MapElement("msdyn_[accounts - Customers V3]", "1.0.0.0", content, **more)]), naming)


def elements_of(data: bytes) -> list[Element]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        root = read_xml(archive.read("customizations.xml"), file="", member="customizations.xml")
    return list(root.descendants("msdyn_dualwriteentitymap"))


def nested_json(text: str) -> object:
    found: object = text
    while isinstance(found, str):
        found = json.loads(found)
    return found


# --- reading --------------------------------------------------------------------------------------------------------


def test_the_manifest_tells_name_version_publisher_and_whether_it_is_managed(naming: Naming) -> None:
    manifest = read(solution(published_maps()), naming).manifest
    assert (manifest.unique_name, manifest.display_name) == ("ContosoMaps", "ContosoMaps of Contoso")
    assert (manifest.version, manifest.managed) == (Version(1, 2, 0, 3), False)
    assert (manifest.publisher.unique_name, manifest.publisher.prefix) == ("contoso", "con")
    assert manifest.description == "Maps & more"
    assert read(solution([], manifest=solution_xml(managed=True)), naming).manifest.managed


def test_every_version_becomes_a_map_with_the_names_of_our_tables(naming: Naming) -> None:
    package = read(solution(published_maps()), naming)
    assert [(each.map.name, str(each.map.version)) for each in package.versions] == [
        ("Customers V3 (accounts)", "1.0.0.4"),
        ("Customers V3 (accounts)", "1.0.0.5"),
        ("Customers V3 (accounts)", "9.9.9.9"),
        ("CDS sales order headers (salesorders)", "1.0.0.5"),
    ]
    customers, orders = package.versions[0].map, package.versions[-1].map
    assert (customers.finops_entity, customers.dataverse_table) == ("CustCustomerV3Entity", "account")
    assert customers.publisher == "contoso"
    assert customers.columns == (
        ColumnMapping("CUSTOMERACCOUNT", "accountnumber"),
        ColumnMapping("ORGANIZATIONNAME", "name", FORTH),
        ColumnMapping("SALESCURRENCYCODE", "transactioncurrencyid.isocurrencycode"),
        ColumnMapping(
            "ISONETIMECUSTOMER", "msdyn_isonetimecustomer", BOTH, (ValueMap((("no", "False"), ("yes", "True"))),)
        ),
        ColumnMapping(None, "customertypecode", FORTH, (Default("3"),)),
        ColumnMapping("LANGUAGEID", None, BACK, (Default("en-us"),)),
    )
    assert customers.source_filter == '(AccountType == AccountType::Customer) && (ACCOUNT != "A*")'
    assert orders.reversed_source_filter == "msdyn_ordertype eq 192350000"
    assert [each.map_type for each in orders.columns] == ["=", "=", ">>", ">>"]
    assert orders.columns[1].dataverse == "customerid.Account(accountnumber).Contact(msdyn_contactpersonid)"


def test_a_mapping_inside_a_string_and_malformed_properties_lose_no_map(naming: Naming) -> None:
    package = read(solution(published_maps()), naming)
    assert package.versions[0].map.columns == package.versions[1].map.columns
    [problem] = package.problems
    assert "msdyn_[accounts - Customers V3] 1.0.0.5, msdyn_properties" in problem.where
    assert not problem.lost
    assert package.versions[1].requires.solutions == {"Party": "2.2.2.25"}
    assert package.versions[1].requires.application == "10.0.420.10002"


def test_half_a_character_in_the_description_loses_no_map(naming: Naming) -> None:
    package = one_map(
        CUSTOMERS, naming, properties=json.dumps({"Description": "a\ud800b", "dualwrite": {"notes": "\udfff"}})
    )
    assert not package.problems
    assert (package.versions[0].map.description, package.versions[0].map.notes) == ("a?b", "?")


def test_a_table_that_nobody_knows_keeps_the_name_of_the_file(naming: Naming) -> None:
    content = mapping("Fleet vehicles", "con_vehicles", [column("PLATE", "con_plate")])
    [version] = one_map(content, naming).versions
    assert (version.map.name, version.map.finops_entity) == ("Fleet vehicles (con_vehicles)", "Fleet vehicles")
    assert version.map.dataverse_table == "con_vehicles"


def test_two_maps_between_the_same_tables_get_two_names(naming: Naming) -> None:
    maps = [
        MapElement("msdyn_[accounts - Customers V3]", "1.0.0.0", CUSTOMERS),
        MapElement("con_[accounts - Customers V3]", "1.0.0.0", CUSTOMERS),
        MapElement("con_[accounts - Customers]", "1.0.0.0", CUSTOMERS),
        MapElement("", "1.0.0.0", ORDERS),
    ]
    assert [each.map.name for each in read(solution(maps), naming).versions] == [
        "Customers V3 (accounts)",
        "Customers V3 (accounts, con)",
        "Customers V3 (accounts, con_[accounts - Customers])",
        "CDS sales order headers (salesorders)",
    ]


def test_the_version_that_ran_is_told_from_either_side(naming: Naming) -> None:
    for ends in (("Customers V3", "accounts"), ("accounts", "Customers V3")):
        extra = runtime_configuration(*ends, (1, 0, 0, 4))
        package = read(solution(published_maps(), extra=extra), naming)
        assert package.running == {"Customers V3 (accounts)": Version(1, 0, 0, 4)}


@pytest.mark.parametrize("direction", [1, "1", "LeftToRight"])
def test_directions_are_numbers_or_words(naming: Naming, direction: int | str) -> None:
    package = one_map(mapping("Customers V3", "accounts", [column("A", "b", direction)]), naming)
    assert [each.sync_direction for each in package.versions[0].map.columns] == [FORTH]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"syncDirection": 7}, "syncDirection is 7"),
        ({"sourceField": "", "destinationField": None}, "names no column"),
        ({"valueTransforms": [{"transformType": "Expression", "code": "1"}]}, "'Expression' is not known here"),
        ({"valueTransforms": ["x"]}, "its value transform is 'x'"),
        ({"destinationField": "a b"}, "cannot be spelled in a map"),
        ({"destinationField": "a..b"}, "cannot be spelled in a map"),
        ({"valueTransforms": [{"transformType": "Default", "defaultValue": "\ud800"}]}, "cannot be spelled in a map"),
    ],
)
def test_a_damaged_column_is_left_out_and_named(naming: Naming, damage: dict[str, object], reason: str) -> None:
    columns = [column("A", "a"), {**column("B", "b"), **damage}, column("C", "c")]
    package = one_map(mapping("Customers V3", "accounts", columns), naming)
    assert [each.finops for each in package.versions[0].map.columns] == ["A", "C"]
    [problem] = package.problems
    assert reason in problem.message
    assert "left out" in problem.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "it is no JSON"),
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[1]", "no JSON object"),
        ({"legs": []}, "no legs"),
        (mapping("", "accounts", []), "names no sourceSchema"),
        (mapping("Customers V3", "accounts", [], sourceFilter="\ud800"), "its texts cannot be kept"),
        (mapping("accounts", "Customers V3", [], sourceEnvironmentType="CRM"), "leads from CRM"),
    ],
)
def test_a_damaged_map_is_told_and_the_others_are_read(naming: Naming, content: object, reason: str) -> None:
    package = read(solution([MapElement("msdyn_[broken]", "1.0.0.0", content), *published_maps()]), naming)
    assert len(package.versions) == 4
    [problem] = [each for each in package.problems if each.lost]
    assert "msdyn_[broken] 1.0.0.0" in problem.where
    assert reason in problem.message


@pytest.mark.parametrize("source", ["DATAAREAID", "DataAreaId", ""])
def test_the_company_of_the_system_is_no_column_and_stays_in_the_file(naming: Naming, source: str) -> None:
    company = column(source, "msdyn_company.cdm_companycode", isSystemGenerated=True)
    package = one_map(mapping("Customers V3", "accounts", [company, column("A", "a"), column("B", "b")]), naming)
    [published] = package.versions
    assert [each.finops for each in published.map.columns] == ["A", "B"]
    assert package.problems == ()
    fewer = replace(published, map=replace(published.map, columns=published.map.columns[:1]))
    again = write_package(package.manifest, [fewer], naming=naming)
    document = nested_json(elements_of(again)[0].text_of("msdyn_mapping"))
    assert isinstance(document, dict)
    assert document["legs"][0]["fieldMappings"] == [column("A", "a"), company]


@pytest.mark.parametrize(("source", "of_system"), [("LEGALENTITYID", True), ("DATAAREAID", False)])
def test_a_lookup_of_a_company_is_a_column_like_others(naming: Naming, source: str, of_system: bool) -> None:
    written = column(source, "msdyn_company.cdm_companycode", isSystemGenerated=of_system)
    [published] = one_map(mapping("Ledger", "msdyn_ledgers", [written]), naming).versions
    assert [each.dataverse for each in published.map.columns] == ["msdyn_company.cdm_companycode"]


def test_a_second_leg_is_left_aside_and_stays_in_the_file(naming: Naming) -> None:
    content = mapping("Customers V3", "accounts", [column("A", "a")])
    content["legs"] = [*content["legs"], {"id": "002"}]  # type: ignore[misc]
    package = one_map(content, naming)
    [problem] = package.problems
    assert "leg 2 is one too many" in problem.message
    [element] = elements_of(write_package(package.manifest, package.versions, naming=naming))
    assert nested_json(element.text_of("msdyn_mapping")) == content


def test_a_map_without_a_version_is_told(naming: Naming) -> None:
    [problem] = read(solution([MapElement("m", "new", CUSTOMERS)]), naming).problems
    assert problem.lost
    assert "msdyn_version is 'new'" in problem.message


def test_one_version_twice_with_other_content_is_told(naming: Naming) -> None:
    maps = [
        MapElement("m", "1.0.0.0", CUSTOMERS),
        MapElement("m", "1.0.0.0", CUSTOMERS),
        MapElement("m", "1.0", ORDERS),
    ]
    package = read(solution(maps), naming)
    assert len(package.versions) == 1
    [problem] = package.problems
    assert "with other content" in problem.message


def test_other_components_are_named_and_left_aside(naming: Naming) -> None:
    data = zipped(
        {
            "solution.xml": solution_xml(),
            "customizations.xml": customizations([]).replace(b"<Entities />", b"<Entities><Entity /></Entities>"),
        }
    )
    [problem] = read(data, naming).problems
    assert "Entities are no table maps" in problem.message


def test_missing_dependencies_name_solutions_with_their_minimum(naming: Naming) -> None:
    missing = (
        '<MissingDependency><Required type="1" schemaName="msdyn_party" solution="Party (3.1.0.2)" />'
        '<Dependent type="1" schemaName="x" /></MissingDependency>'
        '<MissingDependency><Required type="2" solution="Party (2.0)" /><Dependent /></MissingDependency>'
        '<MissingDependency><Required type="2" solution="Active" /><Dependent /></MissingDependency>'
    )
    manifest = read(solution([], manifest=solution_xml(missing=missing)), naming).manifest
    assert manifest.requires == {"Party": "3.1.0.2"}


# --- containers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("reserve", [False, True])
def test_a_cabinet_around_a_zip_is_opened(naming: Naming, compression: int, reserve: bool) -> None:
    many = [
        MapElement(f"m{n}", "1.0.0.0", json.dumps(CUSTOMERS) + " " * 997 * n, id=f"0f9d4d0e-0000-0000-0000-{n:012}")
        for n in range(60)
    ]
    data = zipped({"solution.xml": solution_xml(), "customizations.xml": customizations(many)})
    wrapped = cabinet({"readme.txt": b"x" * 70_000, "maps.zip": data}, compression=compression, reserve=reserve)
    assert len(read(wrapped, naming).versions) == 60
    plain = cabinet(
        {"solution.xml": solution_xml(), "customizations.xml": customizations(many)},
        compression=compression,
        reserve=reserve,
    )
    assert len(read(plain, naming).versions) == 60


def test_a_zip_around_a_zip_is_opened(naming: Naming) -> None:
    inner = solution(published_maps())
    assert len(read(zipped({"x/maps.ZIP": inner}), naming).versions) == 4
    with pytest.raises(SolutionRefused, match=r"several archives: a\.zip, b\.zip"):
        read(zipped({"a.zip": inner, "b.zip": inner}), naming)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither a zip nor a cabinet"),
        (b"PK\x03\x04", "neither a zip nor a cabinet"),
        (b"MSCF", "the cabinet is damaged"),
        (cabinet({"a.zip": b"1234"}, compression=1)[:-3], "the cabinet is damaged"),
        (cabinet({"a.zip": b"1234"}, compression=3), "a method other than MSZIP"),
        (zipped({"readme.txt": b""}), r"no solution\.xml, but readme\.txt"),
        (zipped({"solution.xml": solution_xml()}), r"it has no customizations\.xml"),
        (solution([])[:-40], "neither a zip nor a cabinet"),
        (solution([], manifest=b"<a>"), r"solution\.xml is no XML"),
        (solution([], manifest=b"<ImportExportXml />"), "ImportExportXml: it has no SolutionManifest"),
        (solution([], manifest=solution_xml("")), "line 3, SolutionManifest: UniqueName is missing"),
        (solution([], manifest=solution_xml(version="one")), "Version is 'one'"),
        (
            solution([], manifest=b'<!DOCTYPE a [<!ENTITY b "c">]><ImportExportXml>&b;</ImportExportXml>'),
            "document type",
        ),
        (solution([], manifest=b"<a>" * 100 + b"</a>" * 100), "nested more than 64 deep"),
    ],
)
def test_what_is_no_solution_is_refused_in_words(naming: Naming, data: bytes, reason: str) -> None:
    with pytest.raises(SolutionRefused, match=reason) as refusal:
        read(data, naming)
    assert refusal.value.message.startswith("maps.zip")


def test_a_bomb_is_not_unpacked(naming: Naming) -> None:
    bomb = zipped({"solution.xml": solution_xml(), "customizations.xml": b" " * (65 * 2**20)})
    with pytest.raises(SolutionRefused, match=r"customizations\.xml unpacks to more than 64 MB"):
        read(bomb, naming)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_never_crash(naming: Naming, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([FILE, cabinet({"maps.zip": FILE}), cabinet({"maps.zip": FILE}, compression=0)]))
    at = data.draw(st.integers(0, len(whole) - 1))
    bytes_ = data.draw(st.binary(max_size=8))
    try:
        read(whole[:at] + bytes_ + whole[at + len(bytes_) :], naming)
    except SolutionRefused as refusal:
        assert refusal.message.startswith("maps.zip")


FILE = solution(published_maps())


# --- and back -------------------------------------------------------------------------------------------------------


def test_an_untouched_solution_is_exported_word_for_word(naming: Naming) -> None:
    extra = runtime_configuration("Customers V3", "accounts", (1, 0, 0, 4))
    original = solution(published_maps(), extra=extra)
    package = read(original, naming)
    written = write_package(package.manifest, package.versions, naming=naming)
    again = read(written, naming)
    assert (again.manifest, again.manifest.xml) == (package.manifest, package.manifest.xml)
    assert [each.map for each in again.versions] == [each.map for each in package.versions]
    before, after = elements_of(original), elements_of(written)
    for old, new in zip(before, after, strict=True):
        assert new.attributes == old.attributes
        assert {child.tag: child.text for child in new.children} == {child.tag: child.text for child in old.children}
    with zipfile.ZipFile(BytesIO(written)) as archive:
        assert archive.namelist() == ["[Content_Types].xml", "solution.xml", "customizations.xml"]
        assert all(archive.read(name).startswith(BOM) for name in archive.namelist())
    assert write_package(package.manifest, package.versions, naming=naming) == written


def test_only_what_was_changed_is_written_otherwise(naming: Naming) -> None:
    package = read(solution(published_maps()[:2]), naming)
    published = package.versions[1]
    columns = list(published.map.columns)
    columns[1] = replace(columns[1], sync_direction=BOTH)
    columns[3] = replace(columns[3], transforms=(ValueMap((("no", "False"), ("yes", "True"), ("", "False"))),))
    columns.append(ColumnMapping("CustomerGroupId", "msdyn_customergroupid.msdyn_groupid"))
    changed = replace(published, map=replace(published.map, columns=tuple(columns), source_filter=""))
    written = write_package(package.manifest, [changed], naming=naming)
    [element] = elements_of(written)
    document = nested_json(element.text_of("msdyn_mapping"))
    expected = json.loads(json.dumps(CUSTOMERS))
    leg = expected["legs"][0]
    leg["sourceFilter"] = ""
    leg["fieldMappings"][1]["syncDirection"] = "3"
    leg["fieldMappings"][1]["valueTransforms"] = None
    leg["fieldMappings"][3]["valueTransforms"][0]["valueMap"][""] = "False"
    added = column(
        "CUSTOMERGROUPID",
        "msdyn_customergroupid.msdyn_groupid",
        3,
        [],
        destinationLookupFieldRelatedEntity="msdyn_customergroups",
    )
    leg["fieldMappings"].append(added)
    assert isinstance(document, dict)
    found = document["legs"][0]["fieldMappings"][1].setdefault("valueTransforms", None)
    assert found is None
    assert document == expected
    assert isinstance(json.loads(element.text_of("msdyn_mapping")), str), "it was a string inside JSON"
    assert [each.map for each in read(written, naming).versions] == [changed.map]


def test_what_the_format_has_no_word_for_travels_in_the_properties(naming: Naming) -> None:
    package = one_map(CUSTOMERS, naming, properties=malformed())
    [published] = package.versions
    version = replace(
        published.map,
        name="My customers",
        publisher="fabrikam",
        integration_key=("accountnumber", "parentaccountid.accountnumber"),
        on_filter_exit=FilterExit.DELETE,
        owning_team="Sales",
        notes="two\nlines",
        description="Mine",
    )
    written = write_package(package.manifest, [replace(published, map=version)], naming=naming)
    assert [each.map for each in read(written, naming).versions] == [version]
    properties = json.loads(elements_of(written)[0].text_of("msdyn_properties"))
    assert properties["TargetVersionInfo"] == {"CRM": {"Party": "2.2.2.25"}, "AX": {"Application": "10.0.420.10002"}}
    assert properties["Description"] == "Mine"


def test_a_column_that_could_not_be_read_survives_a_change(naming: Naming) -> None:
    odd = column("B", "b", 3, [{"transformType": "Expression", "code": "1"}])
    package = one_map(mapping("Customers V3", "accounts", [column("A", "a"), odd, column("C", "c")]), naming)
    [published] = package.versions
    fewer = replace(published, map=replace(published.map, columns=published.map.columns[:1]))
    document = nested_json(
        elements_of(write_package(package.manifest, [fewer], naming=naming))[0].text_of("msdyn_mapping")
    )
    assert isinstance(document, dict)
    assert document["legs"][0]["fieldMappings"] == [column("A", "a"), odd]


def test_transforms_without_a_kind_are_known_by_what_they_hold(naming: Naming) -> None:
    bare = [{"valueMap": {"a": "1"}}]
    columns = [column("A", "a", 3, bare), column("B", "b", 3, {"defaultValue": 5}), column("C", "c", 3, value_map({}))]
    package = one_map(mapping("Customers V3", "accounts", columns), naming)
    assert [each.transforms for each in package.versions[0].map.columns] == [
        (ValueMap((("a", "1"),)),),
        (Default("5"),),
        (ValueMap(()),),
    ]
    assert default("x")["transformType"] == "Default"
