"""What the environment does with frames beyond what single rows show: refusals, lookups, ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

import polars as pl
import psycopg
import pytest
from every_kind import ACCOUNT, COMPANIES, DATAVERSE_TABLE, FINOPS_TABLE, NOBODY, TARGET, code_of, insert_codes

from dualwrite.environments.bulk import ID, CopyParticipant, Scan
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.environments.port import Create, Delete, RecordKey
from dualwrite.errors import StillReferenced
from dualwrite.metadata.schema import Table

USMF = str(COMPANIES["usmf"])
KIND = DATAVERSE_TABLE.name


@asynccontextmanager
async def checked_by_database(environment: HostedEnvironment, conninfo: str) -> AsyncIterator[CopyParticipant]:
    """The transaction of a role that may not leave out the checks of foreign keys."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'plain_copier'").fetchone() is None:
            connection.execute("CREATE ROLE plain_copier")
        for schema in ("data", "dualwrite"):
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO plain_copier")
            connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO plain_copier")
            connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO plain_copier")
    try:
        async with environment.copying() as participant:
            await participant.begin()
            await participant.connection.execute("SET LOCAL ROLE plain_copier")  # type: ignore[attr-defined]
            yield participant
    finally:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("DROP OWNED BY plain_copier")


@asynccontextmanager
async def checked_here(environment: HostedEnvironment) -> AsyncIterator[CopyParticipant]:
    async with environment.copying() as participant:
        await participant.begin()
        yield participant


def copying(
    environment: HostedEnvironment, conninfo: str, *, plain: bool
) -> AbstractAsyncContextManager[CopyParticipant]:
    return checked_by_database(environment, conninfo) if plain else checked_here(environment)


def kinds(codes: list[str], **columns: object) -> pl.DataFrame:
    return pl.DataFrame({"new_code": codes, **columns}).with_columns(new_company=pl.lit(USMF))


async def codes_there(participant: CopyParticipant) -> list[str]:
    return sorted((await participant.frame(Scan(KIND, (("new_code",),))))["new_code"])


# --- keys that are taken --------------------------------------------------------------------------------------------


async def test_rows_whose_key_is_taken_are_left_and_all_others_written(
    environment: HostedEnvironment, table: Table
) -> None:
    """By a row in the table, or by one before them in the frame; in a thousand rows every tenth."""
    codes = [f"c{number}" if number % 10 else "TAKEN" for number in range(1000)]
    codes[500] = "C1"
    company = "usmf" if table is FINOPS_TABLE else USMF
    frame = pl.DataFrame({code_of(table): codes, table.company_column or "": [company] * 1000})
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["taken"]})
        inserted = await participant.insert_frame(table.name, frame)
        there = await participant.frame(Scan(table.name, ()))
    assert inserted.left == tuple(number for number in range(1000) if number % 10 == 0)
    assert there.height == 901
    assert inserted.ids.is_null().arg_true().to_list() == list(inserted.left)


async def test_a_second_key_is_looked_after_too(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        await insert_codes(participant, DATAVERSE_TABLE, {"usmf": ["A"]}, new_whole=1)
        inserted = await participant.insert_frame(KIND, kinds(["B", "C", "D", "E"], new_whole=[1, 2, 2, None]))
        assert inserted.left == (0, 2)
        changed = pl.DataFrame({ID: [inserted.ids[1], inserted.ids[3]], "new_whole": [1, 3]})
        assert await participant.update_frame(KIND, changed) == (0,)
        read = await participant.frame(Scan(KIND, (("new_code",), ("new_whole",))))
    assert sorted(read.select("new_code", "new_whole").rows()) == [("A", 1), ("C", 2), ("E", 3)]


async def test_a_transaction_can_go_on_after_a_refusal(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["A"]})
        await participant.savepoint()
        company = "usmf" if table is FINOPS_TABLE else USMF
        frame = pl.DataFrame({code_of(table): ["a", "B"], table.company_column or "": [company] * 2})
        assert (await participant.insert_frame(table.name, frame)).left == (0,)
        await participant.undo()
        await insert_codes(participant, table, {"usmf": ["B"]})
        assert (await participant.frame(Scan(table.name, ()))).height == 2


async def test_an_unknown_or_a_kept_column_is_for_single_rows(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        assert (await participant.insert_frame(KIND, kinds(["A"], nothing=[1]))).left == (0,)
        assert (await participant.insert_frame(KIND, kinds(["A"], versionnumber=[1]))).left == (0,)


async def test_rows_that_are_gone_are_not_updated(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, table, {"usmf": ["A", "B"]})
        await participant.delete_ids(table.name, ids.head(1))
        text = "text" if table is FINOPS_TABLE else "new_text"
        frame = pl.DataFrame({ID: ids, text: ["x" * 99, "new"]})
        assert await participant.update_frame(table.name, frame) == ()
        read = await participant.frame(Scan(table.name, ((text,),)))
    assert read.select(ID, text).rows() == [(ids[1], "new")]


# --- lookups --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [False, True], ids=["checked here", "checked by the database"])
async def test_lookups_that_lead_nowhere_are_left(
    dataverse: HostedEnvironment, dataverse_conninfo: str, plain: bool
) -> None:
    targets = [str(TARGET), str(NOBODY), None, str(TARGET)]
    parties = [str(ACCOUNT), None, None, str(NOBODY)]
    frame = kinds(["A", "B", "C", "D"], new_target=targets, new_party=parties)
    async with copying(dataverse, dataverse_conninfo, plain=plain) as participant:
        inserted = await participant.insert_frame(KIND, frame)
        assert inserted.left == (1, 3)
        changed = pl.DataFrame({ID: [inserted.ids[0], inserted.ids[2]], "new_target": [str(NOBODY), str(TARGET)]})
        assert await participant.update_frame(KIND, changed) == (0,)
        read = await participant.frame(Scan(KIND, (("new_code",), ("new_target",), ("new_party@table",))))
    assert sorted(read.select("new_code", "new_target", "new_party@table").rows()) == [
        ("A", str(TARGET), "account"),
        ("C", str(TARGET), None),
    ]


@pytest.mark.parametrize("plain", [False, True], ids=["checked here", "checked by the database"])
async def test_a_row_written_before_in_the_transaction_can_be_looked_up(
    dataverse: HostedEnvironment, dataverse_conninfo: str, plain: bool
) -> None:
    async with copying(dataverse, dataverse_conninfo, plain=plain) as participant:
        made = await participant.insert_frame("new_target", pl.DataFrame({"new_name": ["framed"]}))
        by_row = (await participant.execute([Create("new_target", {"new_name": "by row"})]))[0].image["new_targetid"]
        inserted = await participant.insert_frame(KIND, kinds(["A", "B"], new_target=[made.ids[0], str(by_row)]))
        assert inserted.left == ()


async def test_what_has_been_undone_or_deleted_cannot_be_looked_up(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        await participant.savepoint()
        undone = await participant.insert_frame("new_target", pl.DataFrame({"new_name": ["undone"]}))
        await participant.undo()
        deleted = await participant.insert_frame("new_target", pl.DataFrame({"new_name": ["one", "two"]}))
        await participant.delete_ids("new_target", deleted.ids.head(1))
        key = RecordKey((("new_targetid", UUID(deleted.ids[1])),))
        await participant.execute([Delete("new_target", key)])
        targets = [undone.ids[0], *deleted.ids]
        assert (await participant.insert_frame(KIND, kinds(["A", "B", "C"], new_target=targets))).left == (0, 1, 2)


async def test_what_others_refer_to_cannot_be_taken_back(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        made = await participant.insert_frame("new_target", pl.DataFrame({"new_name": ["used"]}))
        await participant.insert_frame(KIND, kinds(["A"], new_target=[made.ids[0]]))
        with pytest.raises(StillReferenced):
            await participant.delete_ids("new_target", made.ids)


@pytest.mark.parametrize("plain", [False, True], ids=["checked here", "checked by the database"])
async def test_rows_may_refer_to_rows_of_the_same_frame(
    dataverse: HostedEnvironment, dataverse_conninfo: str, plain: bool
) -> None:
    """In a circle, too; whoever refers to a row that is not written is not written either, be it through others."""
    ids = [str(UUID(int=0x500 + number)) for number in range(7)]
    parents = [ids[1], ids[0], ids[2], None, ids[3], ids[4], ids[0]]
    texts = ["", "", "", "too long", "", "", ""]
    codes = ["A", "B", "C", "D", "E", "F", "G"]
    frame = kinds(codes, new_everykindid=ids, new_parent=parents, new_text=texts)
    async with copying(dataverse, dataverse_conninfo, plain=plain) as participant:
        inserted = await participant.insert_frame(KIND, frame)
        assert inserted.left == (3, 4, 5)
        assert inserted.ids[0] == ids[0]
        assert await codes_there(participant) == ["A", "B", "C", "G"]


async def test_a_refused_row_takes_along_those_that_refer_to_it(dataverse: HostedEnvironment) -> None:
    ids = [str(UUID(int=0x600 + number)) for number in range(300)]
    parents = [None, *ids[:149], None, *ids[150:299]]
    codes = [f"c{number}" for number in range(300)]
    codes[10] = "taken"
    async with dataverse.copying() as participant:
        await participant.begin()
        await insert_codes(participant, DATAVERSE_TABLE, {"usmf": ["TAKEN"]})
        frame = kinds(codes, new_everykindid=ids, new_parent=parents)
        inserted = await participant.insert_frame(KIND, frame)
        assert inserted.left == tuple(range(10, 150))
        assert len(await codes_there(participant)) == 161


# --- ids ------------------------------------------------------------------------------------------------------------


async def test_ids_follow_each_other(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        first = await insert_codes(participant, table, {"usmf": [f"c{number}" for number in range(200)]})
        later = await insert_codes(participant, table, {"demf": ["A"]})
    assert first.is_sorted()
    assert first.n_unique() == 200
    if table is FINOPS_TABLE:
        assert later[0] > first[-1]
    else:
        assert {UUID(each).version for each in first} == {7}
