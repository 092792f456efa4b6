"""dual-write's own records on a real PostgreSQL: kept, found again, and guarded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from dualwrite.environments.port import LegalEntityLink
from dualwrite.errors import Contention, EnvironmentUnavailable, NotAllowed, SettingsRefused
from dualwrite.metadata.schema import Side
from dualwrite.security.clients import Clients
from dualwrite.security.keys import KeyRing
from dualwrite.security.passwords import Passwords
from dualwrite.security.roles import Role
from dualwrite.security.secrets_file import SecretsFile
from dualwrite.store import Store
from dualwrite.store.activity import ActivityFilter
from dualwrite.store.connector import create_engine
from dualwrite.store.environments import EnvironmentKind
from dualwrite.store.maps import MapState
from dualwrite.store.migration import configuration_of_migrations
from dualwrite.store.solutions import SolutionMember, SolutionState
from dualwrite.store.tables import metadata
from dualwrite.store.upgrade import HEAD

CUSTOMERS = "Customers V3 (accounts)"
GROUPS = "Customer groups (msdyn_customergroups)"


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = await Store.connect(database)
    yield store
    await store.close()


@pytest.fixture
async def connected(store: Store) -> Store:
    """A store that knows two environments and the connection ``main`` between them."""
    await store.environments.save("erp", side=Side.FINOPS, kind=EnvironmentKind.HOSTED, url="http://erp", database="e")
    await store.environments.save("crm", side=Side.DATAVERSE, kind=EnvironmentKind.REMOTE, url="http://crm")
    await store.connections.create("main", finops_environment="erp", dataverse_environment="crm")
    return store


async def _save(store: Store, name: str, *, version: str = "1.0.0.0", document: str = "a: 1") -> None:
    await store.maps.save_version("main", name, version=version, publisher="us", created_by="me", document=document)


# --- the schema -----------------------------------------------------------------------------------------------------


async def test_the_migrations_make_the_tables_that_the_code_expects(database: str, store: Store) -> None:
    engine = create_engine(database, pool_size=1)
    try:
        async with engine.connect() as connection:
            differences = await connection.run_sync(
                lambda plain: compare_metadata(MigrationContext.configure(plain), metadata)
            )
            constraints = await connection.scalars(text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))
            checks = set(constraints)
    finally:
        await engine.dispose()
    assert differences == []
    assert {
        str(c.name) for t in metadata.tables.values() for c in t.constraints if c.name and "ck_" in c.name
    } <= checks


async def test_a_database_of_the_first_schema_keeps_its_maps_and_solutions(database: str) -> None:
    def to_first_schema(plain: Connection) -> None:
        configuration = configuration_of_migrations()
        configuration.attributes["connection"] = plain
        command.upgrade(configuration, "0001")
        plain.execute(
            text(
                "INSERT INTO environment VALUES "
                "('e', 'finops', 'hosted', 'e', ''), ('c', 'dataverse', 'hosted', 'c', '')"
            )
        )
        plain.execute(text("INSERT INTO connection VALUES ('main', 'e', 'c', 'finops')"))
        plain.execute(text("INSERT INTO solution VALUES ('main', 'core', '1.0.0.0', 'us')"))
        plain.execute(text("INSERT INTO map_version VALUES ('main', 'Customers', '1.0.0.0', 'us', 'a: 1')"))
        plain.execute(text("INSERT INTO table_map VALUES ('main', 'Customers', '1.0.0.0', 'running', 7)"))

    engine = create_engine(database, pool_size=1)
    async with engine.begin() as connection:
        await connection.run_sync(to_first_schema)
    await engine.dispose()
    store = await Store.connect(database)
    try:
        [each] = await store.maps.list("main")
        version = await store.maps.version("main", "Customers")
        [solution] = await store.solutions.list("main")
        members = await store.solutions.members("main", "core")
    finally:
        await store.close()
    assert (each.state, each.position) == (MapState.RUNNING, 7)
    assert version is not None
    assert (version.document, version.managed, version.solution) == ("a: 1", True, "core")
    assert (solution.state, solution.managed, solution.display_name) == (SolutionState.APPLIED, True, "core")
    assert solution.applied_at == solution.imported_at
    assert members == (SolutionMember("Customers", "1.0.0.0", 7),)


async def test_several_processes_may_start_at_once(database: str) -> None:
    stores = await asyncio.gather(*(Store.connect(database, pool_size=1) for _ in range(4)))
    for store in stores:
        assert await store.connections.list() == ()
        await store.close()


async def test_a_database_of_a_newer_program_is_refused(database: str, store: Store) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsRefused, match="newer version"):
        await Store.connect(database)


async def test_wrong_addresses_are_refused_in_words() -> None:
    with pytest.raises(SettingsRefused, match="postgresql://"):
        await Store.connect("no address")
    with pytest.raises(EnvironmentUnavailable, match="own database"):
        await Store.connect("postgresql://nobody@127.0.0.1:1/none")


# --- environments and connections -----------------------------------------------------------------------------------


async def test_everything_is_found_again_after_a_restart(database: str, connected: Store) -> None:
    await connected.connections.add_company("main", legal_entity="usmf", company_code="USMF")
    await _save(connected, CUSTOMERS)
    again = await Store.connect(database)
    try:
        (connection,) = await again.connections.list()
        assert (connection.environment(Side.FINOPS), connection.environment(Side.DATAVERSE)) == ("erp", "crm")
        assert await again.connections.companies("main") == (LegalEntityLink("usmf", "USMF"),)  # type: ignore[arg-type]
        assert [known.name for known in await again.environments.list()] == ["crm", "erp"]
        assert [known.name for known in await again.maps.list("main")] == [CUSTOMERS]
    finally:
        await again.close()


async def test_a_connection_is_created_once(connected: Store) -> None:
    again = await connected.connections.create("main", finops_environment="erp", dataverse_environment="crm")
    assert again == await connected.connections.get("main")
    with pytest.raises(NotAllowed, match="under another name"):
        await connected.connections.create("other", finops_environment="erp", dataverse_environment="crm")
    with pytest.raises(NotAllowed, match="main exists"):
        await connected.connections.create(
            "main", finops_environment="erp", dataverse_environment="crm", primary_side=Side.DATAVERSE
        )


async def test_environments_are_connected_on_their_own_side(connected: Store) -> None:
    with pytest.raises(NotAllowed, match="crm is a dataverse environment"):
        await connected.connections.create("x", finops_environment="crm", dataverse_environment="erp")
    with pytest.raises(NotAllowed, match="no environment nowhere"):
        await connected.connections.create("x", finops_environment="nowhere", dataverse_environment="crm")


async def test_a_company_has_one_partner(connected: Store) -> None:
    for _ in range(2):
        await connected.connections.add_company("main", legal_entity="usmf", company_code="USMF")
    with pytest.raises(NotAllowed, match="links usmf with USMF"):
        await connected.connections.add_company("main", legal_entity="demf", company_code="USMF")
    with pytest.raises(NotAllowed, match="no connection none"):
        await connected.connections.add_company("none", legal_entity="demf", company_code="DEMF")
    assert await connected.connections.remove_companies("main", ["usmf", "none"]) == ("usmf",)
    assert await connected.connections.companies("main") == ()


async def test_a_removed_connection_takes_its_maps_along(connected: Store) -> None:
    await _save(connected, CUSTOMERS)
    await connected.solutions.save(
        "main",
        "core",
        display_name="Core",
        version="1.0.0.0",
        publisher="us",
        managed=True,
        members=[SolutionMember(CUSTOMERS, "1.0.0.0", 1)],
    )
    assert await connected.connections.remove("main")
    assert (await connected.maps.list("main"), await connected.solutions.list("main")) == ((), ())
    assert not await connected.connections.remove("main")


async def test_what_is_in_use_stays_and_what_is_missing_cannot_be_used(connected: Store) -> None:
    with pytest.raises(NotAllowed, match="still in use"):
        await connected.environments.remove("erp")
    with pytest.raises(NotAllowed, match="not known"):
        await connected.maps.save_version(
            "none", CUSTOMERS, version="1.0.0.0", publisher="us", created_by="me", document="x"
        )


# --- maps -----------------------------------------------------------------------------------------------------------


async def test_maps_start_in_the_order_they_were_given(connected: Store) -> None:
    await _save(connected, GROUPS, document="groups")
    await _save(connected, CUSTOMERS, document="customers")
    for name in (CUSTOMERS, GROUPS):
        await connected.maps.set_state("main", name, MapState.RUNNING, expected=None)
    running = await connected.maps.running("main")
    assert [(each.name, each.document) for each in running] == [(GROUPS, "groups"), (CUSTOMERS, "customers")]
    await connected.maps.set_state("main", GROUPS, MapState.PAUSED, expected=frozenset({MapState.RUNNING}))
    assert [each.state for each in await connected.maps.running("main")] == [MapState.PAUSED, MapState.RUNNING]
    await connected.maps.set_state("main", GROUPS, MapState.NOT_RUNNING, expected=None)
    assert [running.name for running in await connected.maps.running("main")] == [CUSTOMERS]


async def test_a_state_says_from_where_it_can_be_reached(connected: Store) -> None:
    await _save(connected, CUSTOMERS)
    expected = frozenset({MapState.RUNNING, MapState.PAUSED})
    with pytest.raises(NotAllowed, match=r"is not running .* running or paused") as refused:
        await connected.maps.set_state("main", CUSTOMERS, MapState.RESUMING, expected=expected)
    assert refused.value.details["allowed"] == ["running", "paused"]
    with pytest.raises(NotAllowed, match="no map Nothing"):
        await connected.maps.set_state("main", "Nothing", MapState.RUNNING, expected=None)


async def test_of_two_who_start_a_map_one_is_told(connected: Store) -> None:
    await _save(connected, CUSTOMERS)
    idle = frozenset({MapState.NOT_RUNNING})
    tries = [connected.maps.set_state("main", CUSTOMERS, MapState.INITIALIZING, expected=idle) for _ in range(4)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, NotAllowed) for outcome in outcomes) == 3


async def test_a_version_never_changes(connected: Store) -> None:
    for _ in range(2):
        await _save(connected, CUSTOMERS, document="é 'quoted' 🙂\n")
    with pytest.raises(NotAllowed, match="never changes"):
        await _save(connected, CUSTOMERS, document="other")
    with pytest.raises(NotAllowed, match=r"looks like 1\.0\.0\.0"):
        await _save(connected, CUSTOMERS, version="1.0")
    stored = await connected.maps.version("main", CUSTOMERS)
    assert stored is not None and stored.document == "é 'quoted' 🙂\n"


async def test_versions_are_ordered_by_number_and_activated_while_idle(connected: Store) -> None:
    for version in ("1.0.0.10", "1.0.0.9", "2.0.0.0"):
        await _save(connected, CUSTOMERS, version=version, document=version)
    assert [v.version for v in await connected.maps.versions("main", CUSTOMERS)] == ["1.0.0.9", "1.0.0.10", "2.0.0.0"]
    active = await connected.maps.get("main", CUSTOMERS)
    assert active is not None and active.active_version == "1.0.0.10"
    assert (await connected.maps.activate("main", CUSTOMERS, "2.0.0.0")).active_version == "2.0.0.0"
    with pytest.raises(NotAllowed, match=r"no version 3\.0\.0\.0"):
        await connected.maps.activate("main", CUSTOMERS, "3.0.0.0")
    await connected.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
    with pytest.raises(NotAllowed, match="is running and cannot change to version"):
        await connected.maps.activate("main", CUSTOMERS, "1.0.0.9")


async def test_a_version_is_replaced_only_on_purpose_and_while_it_does_not_run(connected: Store) -> None:
    await _save(connected, CUSTOMERS)
    replaced = await connected.maps.save_version(
        "main", CUSTOMERS, version="1.0.0.0", publisher="me", created_by="I", document="a: 2", overwrite=True
    )
    assert (replaced.document, replaced.publisher, replaced.created_by) == ("a: 2", "me", "I")
    await connected.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
    with pytest.raises(NotAllowed, match="is running and cannot be replaced"):
        await connected.maps.save_version(
            "main", CUSTOMERS, version="1.0.0.0", publisher="me", created_by="I", document="a: 3", overwrite=True
        )


async def test_a_version_of_the_library_is_not_a_map_of_the_connection_yet(connected: Store) -> None:
    source = {"order": 7, "properties": "{broken"}
    await connected.maps.save_version(
        "main",
        CUSTOMERS,
        version="1.0.0.0",
        publisher="us",
        created_by="me",
        document="a: 1",
        managed=True,
        solution="party",
        source=source,
        known=False,
    )
    [kept] = await connected.maps.versions("main", CUSTOMERS)
    assert (kept.managed, kept.solution, kept.source) == (True, "party", source)
    assert await connected.maps.list("main") == ()
    assert await connected.maps.make_known("main", CUSTOMERS, version="1.0.0.0")
    assert not await connected.maps.make_known("main", CUSTOMERS, version="1.0.0.0", position=4)
    [known] = await connected.maps.list("main")
    assert (known.active_version, known.state, known.position) == ("1.0.0.0", MapState.NOT_RUNNING, 4)


async def test_versions_leave_only_a_map_that_does_not_run(connected: Store) -> None:
    for number in ("1.0.0.2", "1.0.0.10", "1.0.0.9"):
        await _save(connected, CUSTOMERS, version=number)
    await connected.maps.activate("main", CUSTOMERS, "1.0.0.10")
    await connected.maps.set_state("main", CUSTOMERS, MapState.RUNNING, expected=None)
    with pytest.raises(NotAllowed, match="is running and cannot lose versions"):
        await connected.maps.delete_versions("main", CUSTOMERS, ["1.0.0.2"])
    with pytest.raises(NotAllowed, match="is running and cannot be removed"):
        await connected.maps.remove_map("main", CUSTOMERS)
    await connected.maps.set_state("main", CUSTOMERS, MapState.NOT_RUNNING, expected=None)
    await connected.maps.delete_versions("main", CUSTOMERS, ["1.0.0.10"])
    [left] = await connected.maps.list("main")
    assert left.active_version == "1.0.0.9"
    await connected.maps.delete_versions("main", CUSTOMERS, ["1.0.0.9", "1.0.0.2"])
    assert await connected.maps.list("main") == ()
    assert not await connected.maps.remove_map("main", CUSTOMERS)


async def test_a_solution_has_the_members_it_was_last_saved_with(connected: Store) -> None:
    await _save(connected, CUSTOMERS)
    await _save(connected, GROUPS)
    facts = {"display_name": "Party", "publisher": "us", "managed": False, "document": {"a": [1, None]}}
    both = [SolutionMember(GROUPS, "1.0.0.0", 2), SolutionMember(CUSTOMERS, "1.0.0.0", 1)]
    await connected.solutions.save("main", "party", version="1.0.0.0", members=both, **facts)
    assert await connected.solutions.members("main", "party") == tuple(reversed(both))
    await connected.solutions.mark_applied("main", "party")
    await connected.solutions.save("main", "party", version="1.0.0.1", members=both[:1], **facts)
    [kept] = await connected.solutions.list("main")
    assert (kept.state, kept.version, kept.document) == (SolutionState.APPLIED, "1.0.0.1", {"a": [1, None]})
    assert await connected.solutions.owners("main") == {(GROUPS, "1.0.0.0"): {"party"}}
    assert await connected.solutions.remove("main", "party")
    assert not await connected.solutions.remove("main", "party")
    assert {each.name for each in await connected.maps.all_versions("main")} == {CUSTOMERS, GROUPS}
    with pytest.raises(NotAllowed, match="no solution party"):
        await connected.solutions.mark_applied("main", "party")


async def test_an_integration_key_is_chosen_per_table(connected: Store) -> None:
    await connected.integration_keys.set("main", "account", columns=["name"], set_by="me")
    await connected.integration_keys.set("main", "account", columns=["accountnumber", "name"], set_by="you")
    [key] = await connected.integration_keys.list("main")
    assert (key.dataverse_table, key.columns, key.set_by) == ("account", ("accountnumber", "name"), "you")
    with pytest.raises(NotAllowed, match="account needs a column"):
        await connected.integration_keys.set("main", "account", columns=[], set_by="me")
    assert await connected.integration_keys.remove("main", "account")
    assert not await connected.integration_keys.remove("main", "account")


async def test_several_steps_are_one_transaction_when_asked(connected: Store) -> None:
    async def half() -> None:
        async with connected.transaction() as inside:
            await inside.maps.save_version(
                "main", CUSTOMERS, version="1.0.0.0", publisher="us", created_by="me", document="x"
            )
            await inside.activity.record("add map", who="me", result="done")
            raise Contention("stopped half way")

    with pytest.raises(Contention):
        await half()
    assert (await connected.maps.list("main"), await connected.activity.list()) == ((), ())


# --- activity -------------------------------------------------------------------------------------------------------


async def test_the_log_is_read_backwards_in_pages(store: Store) -> None:
    for number in range(5):
        await store.activity.record(
            "start", who="me", result="ok", map=CUSTOMERS, details={"n": number, "to": {"a": 1}}
        )
    await store.activity.record("stop", who="me", result="ok")
    first = await store.activity.list(ActivityFilter(map=CUSTOMERS), limit_rows=3)
    rest = await store.activity.list(ActivityFilter(map=CUSTOMERS), before=first[-1].id)
    assert [entry.details["n"] for entry in (*first, *rest)] == [4, 3, 2, 1, 0]
    assert (await store.activity.list())[0].what == "stop" and first[0].at.tzinfo is not None


# --- clients and keys -----------------------------------------------------------------------------------------------


async def test_clients_are_kept_with_their_rights(store: Store) -> None:
    clients = Clients(store.clients, Passwords())
    user = uuid4()
    credentials = await clients.register(
        "sales", roles=frozenset({Role.READER}), environment="crm", default_company="usmf", user_id=user
    )
    found = await clients.check(
        tenant=str(credentials.tenant), client_id=str(credentials.client_id), secret=credentials.secret
    )
    assert (found.roles, found.environment, found.default_company, found.user_id) == ({"reader"}, "crm", "usmf", user)
    assert credentials.secret not in found.secret_hash and found.secret_hash not in repr(found)
    with pytest.raises(NotAllowed, match="another client named sales"):
        await clients.register("sales", roles=frozenset())
    assert await clients.remove(credentials.client_id)
    assert await store.clients.list() == ()


async def test_processes_that_start_together_sign_with_one_key(store: Store, tmp_path) -> None:
    secrets_file = SecretsFile.open(tmp_path)
    rings = [KeyRing(store.signing_keys, secrets_file) for _ in range(3)]
    kids = {kid for kid, _ in await asyncio.gather(*(ring.signing() for ring in rings))}
    assert len(kids) == len(await store.signing_keys.list()) == 1


async def test_a_retired_key_verifies_and_signs_no_more(store: Store, tmp_path) -> None:
    secrets_file = SecretsFile.open(tmp_path)
    old, _ = await KeyRing(store.signing_keys, secrets_file).signing()
    await store.signing_keys.retire(old)
    ring = KeyRing(store.signing_keys, secrets_file)
    new, _ = await ring.signing()
    assert new != old and await ring.verifying(old) is not None
    assert await ring.verifying("unknown") is None


def test_a_start_looks_for_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration_of_migrations()).get_current_head() == HEAD
