"""Solutions over a real store: imported, applied, exported, carried elsewhere, uninstalled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

import pytest

from dualwrite.catalog import load_schema
from dualwrite.catalog.maps import load_solution, load_solutions
from dualwrite.database.server import Server
from dualwrite.environments.port import EnvironmentName
from dualwrite.errors import NotAllowed, SolutionRefused
from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.metadata.schema import Side
from dualwrite.solutions.application import Application, apply_named, unfulfilled
from dualwrite.solutions.exporting import Wishes, export_maps, export_solution, own_manifest
from dualwrite.solutions.importing import Arrival, ImportPlan, application_too_old, carry_out, plan_import
from dualwrite.solutions.library import Standing, find_solution, known_solutions
from dualwrite.solutions.package.file import read_package
from dualwrite.solutions.package.values import Naming
from dualwrite.solutions.removal import uninstall
from dualwrite.store import Store
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.maps import MapState
from solution_files import CUSTOMERS, FREE, MapElement, column, mapping, published_maps, solution, solution_xml

CUSTOMERS_MAP = "Customers V3 (accounts)"
ORDERS_MAP = "CDS sales order headers (salesorders)"
NewStore: TypeAlias = Callable[[], Awaitable[Store]]
NAMING = Naming((load_schema(Side.FINOPS),), (load_schema(Side.DATAVERSE),))


@pytest.fixture
async def new_store(new_database: Callable[[str], str], server: Server) -> AsyncIterator[NewStore]:
    """Makes connected stores, each over a database of its own."""
    stores: list[Store] = []

    async def create() -> Store:
        store = await Store.connect(server.conninfo(new_database("store")))
        stores.append(store)
        await store.environments.save(
            "erp", side=Side.FINOPS, kind=EnvironmentKind.HOSTED, url="http://e", database="e"
        )
        await store.environments.save(
            "crm", side=Side.DATAVERSE, kind=EnvironmentKind.HOSTED, url="http://c", database="c"
        )
        await store.connections.create(
            "main", finops_environment=EnvironmentName("erp"), dataverse_environment=EnvironmentName("crm")
        )
        return store

    yield create
    for store in stores:
        await store.close()


@pytest.fixture
async def store(new_store: NewStore) -> Store:
    return await new_store()


async def _import(store: Store, data: bytes) -> ImportPlan:
    plan = await plan_import(store, "main", read_package(data, file="maps.zip", naming=NAMING))
    await carry_out(store, "main", plan, who="me")
    return plan


async def _apply(store: Store, name: str, *, with_dependencies: bool = False) -> tuple[Application, ...]:
    return await apply_named(store, "main", name, who="me", with_dependencies=with_dependencies)


async def _maps(store: Store) -> dict[str, tuple[str, MapState]]:
    return {each.name: (each.active_version, each.state) for each in await store.maps.list("main")}


async def _says(store: Store) -> dict[tuple[str, str], MapVersion]:
    return {(each.name, each.version): parse_map(each.document) for each in await store.maps.all_versions("main")}


async def _run(store: Store, name: str, state: MapState = MapState.RUNNING) -> None:
    await store.maps.set_state("main", name, state, expected=None)


async def _save_own(store: Store, version: MapVersion) -> None:
    await store.maps.save_version(
        "main",
        version.name,
        version=str(version.version),
        publisher=version.publisher,
        document=render_map(version),
        created_by="Mia",
    )


# --- import ---------------------------------------------------------------------------------------------------------


async def test_an_import_fills_the_library_and_lists_no_map_yet(store: Store) -> None:
    plan = await _import(store, solution(published_maps(), manifest=solution_xml(managed=True)))
    assert not plan.questions
    assert await _maps(store) == {}
    [versions, orders] = [await store.maps.versions("main", name) for name in (CUSTOMERS_MAP, ORDERS_MAP)]
    assert [each.version for each in versions] == ["1.0.0.4", "1.0.0.5", "9.9.9.9"]
    assert {(each.managed, each.solution, each.created_by) for each in (*versions, *orders)} == {
        (True, "ContosoMaps", "me")
    }
    known = find_solution(await known_solutions(store, "main"), "contosomaps")
    assert (known.standing, known.maps, known.managed, known.publisher) == (Standing.IMPORTED, 2, True, "contoso")
    assert known.application == "10.0.420.10002"
    assert application_too_old(known.application, has="10.0.12")
    assert not application_too_old(known.application, has="10.0.2177.0")


async def test_a_parked_version_is_not_the_one_to_run(store: Store) -> None:
    plan = await _import(store, solution(published_maps(FREE)))
    assert {name: str(version) for name, version in plan.active.items()} == {
        CUSTOMERS_MAP: "1.0.0.5",
        ORDERS_MAP: "1.0.0.5",
    }
    assert plan.choices == (f"{CUSTOMERS_MAP}: 1.0.0.5 is the version to run, for 9.9.9.9 is a parked version",)
    await _apply(store, "ContosoMaps")
    assert await _maps(store) == {
        CUSTOMERS_MAP: ("1.0.0.5", MapState.NOT_RUNNING),
        ORDERS_MAP: ("1.0.0.5", MapState.NOT_RUNNING),
    }


async def test_importing_again_changes_nothing(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    before = await store.maps.all_versions("main")
    again = await _import(store, solution(published_maps(FREE)))
    assert {each.arrival for each in again.versions} == {Arrival.SAME}
    assert await store.maps.all_versions("main") == before


async def test_importing_again_when_the_tables_are_there_disturbs_no_running_map(store: Store) -> None:
    content = mapping("Customers V3", "accounts", [column("A", "a")])
    data = solution([MapElement("msdyn_[accounts - Customers V3]", "1.0.0.0", content, FREE)])
    plan = await plan_import(store, "main", read_package(data, file="maps.zip", naming=Naming((), ())))
    await carry_out(store, "main", plan, who="me")
    assert [each.published.map.finops_entity for each in plan.versions] == ["Customers V3"]
    await _apply(store, "ContosoMaps")
    await _run(store, CUSTOMERS_MAP)
    again = await _import(store, data)
    assert [each.published.map.finops_entity for each in again.versions] == ["CustCustomerV3Entity"]
    assert {each.arrival for each in again.versions} == {Arrival.SAME}


async def test_a_version_that_another_solution_brought_stays_with_it(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    plan = await _import(store, solution(published_maps(FREE), manifest=solution_xml("Second", managed=True)))
    assert {each.arrival for each in plan.versions} == {Arrival.SAME}
    assert {each.solution for each in await store.maps.all_versions("main")} == {"ContosoMaps"}
    await uninstall(store, "main", "Second", who="me")
    assert len(await store.maps.all_versions("main")) == 4


async def test_versions_that_two_solutions_brought_go_with_the_last_of_them(store: Store) -> None:
    await _import(store, solution(published_maps(FREE), manifest=solution_xml(managed=True)))
    await _import(store, solution(published_maps(FREE), manifest=solution_xml("Second", managed=True)))
    assert (await uninstall(store, "main", "ContosoMaps", who="me")).versions == ()
    assert {(each.solution, each.managed) for each in await store.maps.all_versions("main")} == {("Second", True)}
    assert len((await uninstall(store, "main", "Second", who="me")).versions) == 4
    assert await store.maps.all_versions("main") == ()


async def test_what_is_needed_and_not_there_is_named(store: Store) -> None:
    missing = (
        '<MissingDependency><Required solution="Party (2.0)" /></MissingDependency>'
        '<MissingDependency><Required solution="Dynamics365Company (99.0)" /></MissingDependency>'
        '<MissingDependency><Required solution="Elsewhere (1.0)" /></MissingDependency>'
    )
    plan = await _import(store, solution(published_maps(), manifest=solution_xml(missing=missing)))
    assert [str(each) for each in plan.needs] == [
        "Party 2.2.2.25 is needed; apply party",
        "Dynamics365Company 99.0.0.0 at least is needed; company stands for 2.3.3.2",
        "Elsewhere 1.0.0.0 is not known here; import it if its tables are needed",
    ]
    with pytest.raises(SolutionRefused, match=r"ContosoMaps needs company, .*party, which are not applied"):
        await _apply(store, "ContosoMaps")
    await _apply(store, "ContosoMaps", with_dependencies=True)
    known = await known_solutions(store, "main")
    assert {each.name for each in known if each.standing is Standing.APPLIED} >= {"party", "finance", "ContosoMaps"}
    assert [each.solution for each in unfulfilled(find_solution(known, "ContosoMaps"), known)] == [
        "Dynamics365Company",
        "Elsewhere",
    ]


async def test_a_customization_is_overwritten_only_when_the_user_says_so(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    await _apply(store, "ContosoMaps")
    own = replace((await _says(store))[CUSTOMERS_MAP, "1.0.0.5"], version=Version(1, 0, 0, 6), publisher="mia")
    await _save_own(store, own)
    newer = MapElement("msdyn_[accounts - Customers V3]", "1.0.0.6", CUSTOMERS)
    package = read_package(solution([newer]), file="maps.zip", naming=NAMING)
    plan = await plan_import(store, "main", package)
    assert plan.questions == (
        f"{CUSTOMERS_MAP} 1.0.0.6 was saved by Mia and has other content, which would be overwritten",
    )
    assert (await _says(store))[CUSTOMERS_MAP, "1.0.0.6"] == own
    await carry_out(store, "main", plan, who="me")
    assert (await _says(store))[CUSTOMERS_MAP, "1.0.0.6"] == package.versions[0].map


async def test_a_version_in_use_is_never_overwritten(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    await _apply(store, "ContosoMaps")
    await _run(store, CUSTOMERS_MAP)
    content = mapping("Customers V3", "accounts", [column("CUSTOMERACCOUNT", "accountnumber")])
    changed = solution([MapElement("msdyn_[accounts - Customers V3]", "1.0.0.5", content)])
    with pytest.raises(NotAllowed, match=r"run here with other content.*maps stop 'Customers V3 \(accounts\)'"):
        await _import(store, changed)
    await _run(store, CUSTOMERS_MAP, MapState.NOT_RUNNING)
    plan = await _import(store, changed)
    assert [each.arrival for each in plan.versions] == [Arrival.REPLACES]


async def test_a_solution_cannot_change_its_kind_nor_take_a_name_of_the_catalog(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    with pytest.raises(SolutionRefused, match="there as an unmanaged solution and the file is managed"):
        await _import(store, solution(published_maps(FREE), manifest=solution_xml(managed=True)))
    with pytest.raises(SolutionRefused, match="finance is a solution of the catalog"):
        await _import(store, solution(published_maps(FREE), manifest=solution_xml("finance")))
    with pytest.raises(SolutionRefused, match=r"holds no table map that can be read.*it is no JSON"):
        await _import(store, solution([MapElement("m", "1.0.0.0", "{")]))
    older = await plan_import(
        store,
        "main",
        read_package(solution(published_maps(FREE), manifest=solution_xml(version="1.0")), file="f", naming=NAMING),
    )
    assert older.questions == ("ContosoMaps 1.2.0.3 is there, and the file is older: 1.0.0.0",)


# --- apply ----------------------------------------------------------------------------------------------------------


async def test_a_solution_of_the_catalog_needs_its_dependencies_first(store: Store) -> None:
    with pytest.raises(SolutionRefused, match="--with-dependencies"):
        await _apply(store, "supply-chain")
    await _apply(store, "supply-chain", with_dependencies=True)
    before = await _maps(store)
    assert "Legal entities (cdm_companies)" in before
    assert {state for _, state in before.values()} == {MapState.NOT_RUNNING}
    applied = {each.unique_name for each in await store.solutions.list("main")}
    assert {"company", "common", "finance", "supply-chain"} <= applied
    await _apply(store, "supply-chain")
    assert await _maps(store) == before


async def test_a_running_map_keeps_its_version_and_says_so(store: Store) -> None:
    await _apply(store, "supply-chain", with_dependencies=True)
    await _run(store, CUSTOMERS_MAP)
    before = (await _maps(store))[CUSTOMERS_MAP]
    [*_, party] = await _apply(store, "party", with_dependencies=True)
    assert (await _maps(store))[CUSTOMERS_MAP] == before
    told = {each.map: str(each) for each in party.raised}
    assert told[CUSTOMERS_MAP] == (
        f"{CUSTOMERS_MAP}: 1.0.0.0 stays active, for the map is running; "
        f"for the other: dualwrite maps activate '{CUSTOMERS_MAP}' 1.0.0.5"
    )
    assert (await _maps(store))[ORDERS_MAP][0] == "1.0.0.5"


async def test_a_version_that_somebody_saved_stays_active(store: Store) -> None:
    await _apply(store, "supply-chain", with_dependencies=True)
    own = replace((await _says(store))[CUSTOMERS_MAP, "1.0.0.0"], version=Version(1, 0, 0, 3), publisher="mia")
    await _save_own(store, own)
    await store.maps.activate("main", CUSTOMERS_MAP, "1.0.0.3")
    await _apply(store, "party", with_dependencies=True)
    assert (await _maps(store))[CUSTOMERS_MAP][0] == "1.0.0.3"


async def test_the_tables_of_the_maps_are_asked_for(store: Store) -> None:
    asked: list[tuple[list[str], list[str]]] = []

    async def ensure_tables(finops: Iterable[str], dataverse: Iterable[str]) -> int:
        asked.append((list(finops), list(dataverse)))
        return 3

    [done] = await apply_named(store, "main", "company", who="me", ensure_tables=ensure_tables)
    assert done.tables == 3
    assert asked == [(["OMLegalEntity"], ["cdm_company"])]


# --- export ---------------------------------------------------------------------------------------------------------


async def test_an_exported_import_is_the_same_elsewhere(store: Store, new_store: NewStore) -> None:
    await _import(store, solution(published_maps(FREE), manifest=solution_xml(managed=True)))
    exported = await export_solution(store, "main", "ContosoMaps", naming=NAMING, wishes=Wishes())
    elsewhere = await new_store()
    await _import(elsewhere, exported.content)
    assert await _says(elsewhere) == await _says(store)
    assert [each.source for each in await elsewhere.maps.all_versions("main")] == [
        each.source for each in await store.maps.all_versions("main")
    ]
    [here], [there] = await store.solutions.list("main"), await elsewhere.solutions.list("main")
    assert here.document == there.document


async def test_an_exported_solution_of_the_catalog_is_applied_elsewhere(store: Store, new_store: NewStore) -> None:
    exported = await export_solution(store, "main", "finance", naming=NAMING, wishes=Wishes())
    assert exported.manifest.unique_name == "dualwrite_finance"
    elsewhere = await new_store()
    await _import(elsewhere, exported.content)
    await _apply(elsewhere, "dualwrite_finance", with_dependencies=True)
    applied = {each.unique_name for each in await elsewhere.solutions.list("main")}
    assert applied == {"company", "common", "currency-exchange-rates", "dualwrite_finance"}
    says, states = await _says(elsewhere), await _maps(elsewhere)
    for version in load_solution("finance").maps:
        assert says[version.name, str(version.version)] == version
    for version in load_solution("finance").active:
        assert states[version.name] == (str(version.version), MapState.NOT_RUNNING)


async def test_every_map_of_the_catalog_is_the_same_elsewhere(store: Store) -> None:
    for each in load_solutions():
        exported = await export_solution(store, "main", each.name, naming=NAMING, wishes=Wishes(managed=False))
        package = read_package(exported.content, file=each.name, naming=NAMING)
        assert not package.problems
        assert not package.manifest.managed
        there = {(version.map.name, version.map.version): version.map for version in package.versions}
        assert there == {(version.name, version.version): version for version in each.maps}


async def test_a_choice_of_maps_becomes_a_solution_of_ones_own(store: Store, new_store: NewStore) -> None:
    await _apply(store, "company")
    await _import(store, solution(published_maps(FREE)[:1]))
    with pytest.raises(SolutionRefused, match="is no unique name"):
        own_manifest("My maps", publisher="Mia & Co", version=Version(1), managed=False)
    manifest = own_manifest("MyMaps", publisher="Mia & Co", version=Version(2, 0, 1), managed=True)
    exported = await export_maps(
        store,
        "main",
        {"Legal entities (cdm_companies)": None, CUSTOMERS_MAP: "1.0.0.4"},
        manifest=manifest,
        naming=NAMING,
    )
    elsewhere = await new_store()
    await _import(elsewhere, exported.content)
    [known] = [each for each in await known_solutions(elsewhere, "main") if not each.in_catalog]
    assert (known.name, str(known.version), known.publisher, known.managed) == ("MyMaps", "2.0.1.0", "Mia & Co", True)
    here = await _says(store)
    assert {key: here[key] for key in await _says(elsewhere)} == await _says(elsewhere)


async def test_a_changed_copy_keeps_what_its_origin_said(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)[:1]))
    await _apply(store, "ContosoMaps")
    own = replace(
        (await _says(store))[CUSTOMERS_MAP, "1.0.0.4"], version=Version(1, 0, 0, 5), publisher="mia", source_filter=""
    )
    await _save_own(store, own)
    manifest = own_manifest("MyMaps", publisher="mia", version=Version(1), managed=False)
    exported = await export_maps(store, "main", {CUSTOMERS_MAP: "1.0.0.5"}, manifest=manifest, naming=NAMING)
    package = read_package(exported.content, file="f", naming=NAMING)
    [version] = package.versions
    assert version.map == own
    children = dict(version.source["children"])  # type: ignore[call-overload]
    assert '"mashup": {"steps": [1, 2.5, null]}' in children["msdyn_mapping"]


# --- uninstall ------------------------------------------------------------------------------------------------------


async def test_a_managed_solution_takes_its_versions_along(store: Store) -> None:
    await _import(store, solution(published_maps(FREE), manifest=solution_xml(managed=True)))
    await _apply(store, "ContosoMaps")
    own = replace((await _says(store))[CUSTOMERS_MAP, "1.0.0.5"], version=Version(1, 0, 0, 6), publisher="mia")
    await _save_own(store, own)
    await _run(store, CUSTOMERS_MAP)
    with pytest.raises(NotAllowed, match="maps stop 'Customers V3"):
        await uninstall(store, "main", "ContosoMaps", who="me")
    await _run(store, CUSTOMERS_MAP, MapState.NOT_RUNNING)
    removal = await uninstall(store, "main", "ContosoMaps", who="me")
    assert len(removal.versions) == 4
    assert removal.maps == (ORDERS_MAP,)
    assert await _maps(store) == {CUSTOMERS_MAP: ("1.0.0.6", MapState.NOT_RUNNING)}
    assert await store.solutions.list("main") == ()
    with pytest.raises(SolutionRefused, match="no solution 'ContosoMaps'"):
        await uninstall(store, "main", "ContosoMaps", who="me")


async def test_what_lay_underneath_a_managed_solution_is_back(store: Store) -> None:
    shipped = load_solution("company").active[0]
    content = mapping("Legal entities", "cdm_companies", [column("LEGALENTITYID", "cdm_companycode")])
    element = MapElement("msdyn_[cdm_companies - Legal entities]", str(shipped.version), content, FREE)
    await _import(store, solution([element], manifest=solution_xml(managed=True)))
    await _apply(store, "ContosoMaps")
    (applied,) = await _apply(store, "company")
    assert applied.kept == (f"{shipped.name} {shipped.version}",)
    assert len((await _says(store))[shipped.name, str(shipped.version)].columns) == 1
    removal = await uninstall(store, "main", "ContosoMaps", who="me")
    assert (removal.versions, removal.handed_over) == ((), (f"{shipped.name} {shipped.version}",))
    assert (await _says(store))[shipped.name, str(shipped.version)] == shipped
    assert {(each.solution, each.managed) for each in await store.maps.all_versions("main")} == {("company", True)}


async def test_of_an_unmanaged_solution_the_maps_stay_and_may_be_edited(store: Store) -> None:
    await _import(store, solution(published_maps(FREE)))
    await _apply(store, "ContosoMaps")
    before = await _maps(store)
    removal = await uninstall(store, "main", "ContosoMaps", who="me")
    assert removal.versions == ()
    assert await _maps(store) == before
    assert {each.solution for each in await store.maps.all_versions("main")} == {None}


async def test_what_others_need_stays(store: Store) -> None:
    await _apply(store, "supply-chain", with_dependencies=True)
    with pytest.raises(SolutionRefused, match=r"company is needed by .*supply-chain"):
        await uninstall(store, "main", "company", who="me")
    with pytest.raises(SolutionRefused, match="notes is not applied"):
        await uninstall(store, "main", "notes", who="me")
    before = set(await _maps(store))
    removal = await uninstall(store, "main", "supply-chain", who="me")
    assert set(removal.maps) == before - set(await _maps(store))
    assert {each.name for each in load_solution("company").maps} <= set(await _maps(store))
