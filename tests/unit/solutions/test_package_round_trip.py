"""Whatever a map says, it says after an export and an import, too."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import load_solutions
from dualwrite.errors import MapRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.transforms import CaseRule, Default, InTimeZone, Transform, Truncate, Unmapped, ValueMap
from dualwrite.maps.values import ColumnMapping, FilterExit, MapVersion, SyncDirection, Version
from dualwrite.metadata.schema import Side
from dualwrite.solutions.exporting import own_manifest
from dualwrite.solutions.package.file import read_package, write_package
from dualwrite.solutions.package.values import Naming, PublishedVersion
from solution_files import MapElement, mapping, solution

NAMING = Naming((load_schema(Side.FINOPS),), (load_schema(Side.DATAVERSE),))
CATALOG = [version for solution in load_solutions() for version in solution.maps]

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
NAMES = st.text("ABCxyz_09", min_size=1, max_size=8).filter(lambda text: text != "none")
PATHS = st.one_of(
    NAMES.map(str.lower),
    st.sampled_from(
        ["a.b", "a.b.c", "customerid.Account(accountnumber).Contact(msdyn_contactpersonid)", "parentaccountid.name"]
    ),
)
TRANSFORMS: st.SearchStrategy[Transform] = st.one_of(
    st.builds(Default, TEXTS),
    st.builds(
        ValueMap,
        st.lists(st.tuples(TEXTS, TEXTS), max_size=4).map(tuple),
        st.sampled_from(Unmapped),
        st.sampled_from(CaseRule),
    ),
    st.builds(Truncate, st.one_of(st.none(), st.integers(1, 500))),
    st.builds(InTimeZone, st.sampled_from(["UTC", "Europe/Berlin"])),
)


@st.composite
def columns(draw: st.DrawFn) -> ColumnMapping:
    finops, dataverse = draw(st.one_of(st.none(), NAMES)), draw(st.one_of(st.none(), PATHS))
    if finops is None and dataverse is None:
        finops = draw(NAMES)
    transforms = draw(st.lists(TRANSFORMS, max_size=2).map(tuple))
    return ColumnMapping(finops, dataverse, draw(st.sampled_from(SyncDirection)), transforms)


@st.composite
def maps(draw: st.DrawFn) -> MapVersion:
    some = st.one_of(st.none(), TEXTS.filter(bool))
    version = MapVersion(
        name=draw(TEXTS.filter(bool)),
        version=draw(st.builds(Version, *([st.integers(0, 30)] * 4))),
        publisher=draw(TEXTS.filter(bool)),
        finops_entity=draw(st.one_of(st.sampled_from(["CustCustomerV3Entity", "Customers V3"]), NAMES)),
        dataverse_table=draw(st.one_of(st.sampled_from(["account", "accounts"]), NAMES)),
        source_filter=draw(TEXTS),
        reversed_source_filter=draw(TEXTS),
        columns=tuple(draw(st.lists(columns(), max_size=4))),
        integration_key=draw(st.one_of(st.none(), st.lists(PATHS, max_size=2).map(tuple))),
        on_filter_exit=draw(st.sampled_from(FilterExit)),
        owning_team=draw(some),
        description=draw(TEXTS),
        notes=draw(TEXTS),
    )
    try:
        return version if parse_map(render_map(version)) == version else CATALOG[0]
    except MapRefused:
        return CATALOG[0]


def carried(versions: list[MapVersion]) -> list[MapVersion]:
    """The maps after an export under one's own publisher and an import."""
    manifest = own_manifest("Mine", publisher="me", version=Version(1), managed=False)
    published = [PublishedVersion(f"me_[{version.name}]", version, {}) for version in versions]
    package = read_package(write_package(manifest, published, naming=NAMING), file="f", naming=NAMING)
    assert not package.problems
    # A second time, from what was read, as it happens to a solution that travels on.
    again = write_package(package.manifest, package.versions, naming=NAMING)
    assert read_package(again, file="f", naming=NAMING).versions == package.versions
    return [each.map for each in package.versions]


def in_order(versions: list[MapVersion]) -> list[MapVersion]:
    return sorted(versions, key=lambda each: (each.name, each.version))


@settings(max_examples=100, deadline=None)
@given(maps())
def test_every_map_is_the_same_elsewhere(version: MapVersion) -> None:
    assert carried([version]) == [version]


@settings(max_examples=40, deadline=None)
@given(maps(), maps())
def test_a_map_written_over_another_ones_file_says_what_it_says(before: MapVersion, after: MapVersion) -> None:
    manifest = own_manifest("Mine", publisher="me", version=Version(1), managed=False)
    file = write_package(manifest, [PublishedVersion("me_[x]", before, {})], naming=NAMING)
    [read] = read_package(file, file="f", naming=NAMING).versions
    changed = PublishedVersion(read.published_name, after, read.source)
    [again] = read_package(write_package(manifest, [changed], naming=NAMING), file="f", naming=NAMING).versions
    assert again.map == after


def test_every_map_of_the_catalog_is_the_same_elsewhere() -> None:
    assert in_order(carried(CATALOG)) == in_order(CATALOG)


# --- anything that may stand in a file --------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
FIELD = st.fixed_dictionaries(
    {},
    optional={
        "syncDirection": st.one_of(st.sampled_from([1, 2, 3, "1", "3"]), ANYTHING),
        "sourceField": st.one_of(NAMES, ANYTHING),
        "destinationField": st.one_of(PATHS, ANYTHING),
        "destinationLookupFieldRelatedEntity": ANYTHING,
        "valueTransforms": st.one_of(
            ANYTHING,
            st.lists(
                st.fixed_dictionaries(
                    {"transformType": st.one_of(st.sampled_from(["ValueMap", "Default"]), ANYTHING)},
                    optional={"valueMap": ANYTHING, "defaultValue": ANYTHING},
                ),
                max_size=2,
            ),
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANYTHING, st.lists(st.one_of(FIELD, ANYTHING), max_size=3)), ANYTHING, ANYTHING)
def test_whatever_stands_in_a_file_it_is_read_or_told_and_written_again(
    fields: object, filter_text: object, properties: object
) -> None:
    content = mapping("Customers V3", "accounts", [], sourceFilter=filter_text, fieldMappings=fields)
    file = solution([MapElement("m", "1.0.0.0", content, json.dumps(properties))])
    package = read_package(file, file="f", naming=NAMING)
    [version] = package.versions
    assert parse_map(render_map(version.map)) == version.map
    again = read_package(write_package(package.manifest, package.versions, naming=NAMING), file="f", naming=NAMING)
    assert again.versions == package.versions


@settings(max_examples=60, deadline=None)
@given(ANYTHING)
def test_a_mapping_that_is_anything_is_told(content: object) -> None:
    package = read_package(solution([MapElement("m", "1.0.0.0", json.dumps(content))]), file="f", naming=NAMING)
    assert package.versions == ()
    assert [problem.lost for problem in package.problems] == [True]
