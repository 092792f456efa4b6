"""Frames that are read hold what the rows hold, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from every_kind import (
    ACCOUNT,
    COMPANIES,
    CONTACT,
    DATAVERSE_TABLE,
    FINOPS_TABLE,
    TARGET,
    as_id,
    code_of,
    frame_of,
    insert_codes,
    row_lists,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.bulk import COMPANY, ID, VERSION, CopyParticipant, Scan, Span
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.errors import LimitExceeded
from dualwrite.maps.columnar.frames import dtype_of, in_frame
from dualwrite.metadata.schema import Side, Table
from dualwrite.metadata.values import Value, target_entry

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def stored(participant: CopyParticipant, table: Table) -> Sequence[dict[str, Value]]:
    """The rows as the driver reads them, in the order of their ids."""
    key = "RecId" if table.side is Side.FINOPS else table.key[0]
    connection = participant.connection  # type: ignore[attr-defined]
    cursor = await connection.execute(f'SELECT * FROM data."{table.name}" ORDER BY "{key}"')
    rows: Sequence[dict[str, Value]] = await cursor.fetchall()
    return rows


def everything(table: Table) -> tuple[tuple[str, ...], ...]:
    return tuple((column.name,) for column in table.columns)


async def check_frame_holds_the_rows(
    environment: HostedEnvironment, table: Table, rows: list[dict[str, Value]]
) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await participant.insert_frame(table.name, frame_of(table, rows))
        expected = await stored(participant, table)
        frame = await participant.frame(Scan(table.name, everything(table)))
    assert frame.height == len(expected)
    for column in table.columns:
        assert frame[column.name].to_list() == [in_frame(row[column.name]) for row in expected], column.name
        assert frame.schema[column.name].base_type() == dtype_of(column).base_type()
        if column.is_polymorphic:
            entry = target_entry(column.name)
            assert frame[entry].to_list() == [row[entry] for row in expected]


@EXAMPLES
@given(rows=row_lists(FINOPS_TABLE, most=8))
async def test_finops_frames(finops: HostedEnvironment, rows: list[dict[str, Value]]) -> None:
    await check_frame_holds_the_rows(finops, FINOPS_TABLE, rows)


@EXAMPLES
@given(rows=row_lists(DATAVERSE_TABLE, most=8))
async def test_dataverse_frames(dataverse: HostedEnvironment, rows: list[dict[str, Value]]) -> None:
    await check_frame_holds_the_rows(dataverse, DATAVERSE_TABLE, rows)


@EXAMPLES
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=30))
async def test_any_text_and_nothing(dataverse: HostedEnvironment, texts: list[str]) -> None:
    """Also empty texts, which Dataverse itself does not keep: others may have written into its database."""
    async with dataverse.copying() as participant:
        await participant.begin()
        connection = participant.connection  # type: ignore[attr-defined]
        for number, text in enumerate([*texts, "", None]):
            await connection.execute(
                "INSERT INTO data.new_everykind (new_everykindid, new_memo) VALUES (%s, %s)", [UUID(int=number), text]
            )
        frame = await participant.frame(Scan("new_everykind", (("new_memo",),)))
    assert frame["new_memo"].to_list() == [*texts, "", None]


async def test_more_rows_than_one_message_holds(finops: HostedEnvironment) -> None:
    """Texts with line ends and quotes, some megabytes of them."""
    memos = [f'{number}\n"{"x," * (number % 60)}"\r\n' for number in range(20_000)]
    codes = [f"C{number}" for number in range(20_000)]
    frame = pl.DataFrame({"code": codes, "memo": memos}).with_columns(dataAreaId=pl.lit("usmf"))
    async with finops.copying() as participant:
        await participant.begin()
        inserted = await participant.insert_frame(FINOPS_TABLE.name, frame)
        assert inserted.left == ()
        read = await participant.frame(Scan(FINOPS_TABLE.name, (("code",), ("memo",))))
    assert read[ID].to_list() == inserted.ids.to_list()
    assert read["memo"].to_list() == memos


async def test_a_number_with_more_places_than_its_column_keeps_them(finops: HostedEnvironment) -> None:
    numbers = [Decimal("1.123456789"), Decimal("1.5"), Decimal("-0.000000001")]
    async with finops.copying() as participant:
        await participant.begin()
        connection = participant.connection  # type: ignore[attr-defined]
        for number, value in enumerate(numbers):
            await connection.execute(
                'INSERT INTO data."EveryKindEntity" ("dataAreaId", code, rate) VALUES (%s, %s, %s)',
                ["usmf", str(number), value],
            )
        frame = await participant.frame(Scan(FINOPS_TABLE.name, (("rate",), ("amount",))))
    assert frame["rate"].to_list() == numbers


async def test_a_number_that_no_frame_holds_is_no_silent_change(finops: HostedEnvironment) -> None:
    async with finops.copying() as participant:
        await participant.begin()
        connection = participant.connection  # type: ignore[attr-defined]
        await connection.execute(
            'INSERT INTO data."EveryKindEntity" ("dataAreaId", code, rate) VALUES (%s, %s, %s)',
            ["usmf", "A", Decimal("1E+40")],
        )
        with pytest.raises(LimitExceeded, match="rate"):
            await participant.frame(Scan(FINOPS_TABLE.name, (("rate",),)))


# --- which rows -----------------------------------------------------------------------------------------------------


async def test_rows_of_companies_spelled_in_any_case(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["A", "B"], "demf": ["C"]})
        code = code_of(table)
        one = await participant.frame(Scan(table.name, ((code,),), companies=("UsMf",)))
        both = await participant.frame(Scan(table.name, ((code,),), companies=("usmf", "DEMF", "none")))
        none = await participant.frame(Scan(table.name, ((code,),), companies=("none",)))
    assert sorted(one[code]) == ["A", "B"]
    assert sorted(both[code]) == ["A", "B", "C"]
    assert none.height == 0
    assert both.schema == one.schema == none.schema
    expected = {"usmf", "demf"} if table.side is Side.FINOPS else {"usmf", "DEMF"}
    assert set(both[COMPANY]) == expected


async def test_rows_of_a_span_and_rows_by_id(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["A", "B", "C", "D"]})
        ids = (await participant.frame(Scan(table.name, ())))[ID].to_list()
        part = await participant.frame(Scan(table.name, (), span=Span(as_id(ids[1]), as_id(ids[2]))))
        named = await participant.frame(Scan(table.name, (), ids=(as_id(ids[3]), as_id(ids[0]))))
    assert part[ID].to_list() == ids[1:3]
    assert named[ID].to_list() == [ids[0], ids[3]]


async def test_rows_that_are_surely_younger_are_left_out(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        await insert_codes(participant, DATAVERSE_TABLE, {"usmf": ["A"]})
        now = await participant.now()
        scan = Scan(DATAVERSE_TABLE.name, (), created_before=now)
        assert (await participant.frame(scan)).height == 1
        scan = Scan(DATAVERSE_TABLE.name, (), created_before=now - timedelta(hours=1))
        assert (await participant.frame(scan)).height == 0


async def test_every_change_of_a_row_moves_its_version(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, table, {"usmf": ["A", "B"]})
        before = await participant.frame(Scan(table.name, ()))
        text = "text" if table.side is Side.FINOPS else "new_text"
        await participant.update_frame(table.name, pl.DataFrame({ID: ids, text: ["new", None]}))
        found = await participant.versions(table.name, ids)
    after = dict(found.iter_rows())
    assert [after[each] != version for each, version in before.select(ID, VERSION).iter_rows()] == [True, False]


# --- behind lookups -------------------------------------------------------------------------------------------------


async def test_values_behind_lookups(dataverse: HostedEnvironment) -> None:
    """A polymorphic lookup leads to the table that its entry names; nothing is behind a lookup that is empty."""
    usmf = str(COMPANIES["usmf"])
    rows = pl.DataFrame(
        {
            "new_code": ["A", "B", "C"],
            "new_company": [usmf, usmf, usmf],
            "new_target": [str(TARGET), None, None],
            "new_party": [str(ACCOUNT), str(CONTACT), None],
            "new_party@table": ["account", "contact", None],
        }
    )
    paths = (
        ("new_code",),
        ("new_company", "cdm_companycode"),
        ("new_target", "new_name"),
        ("new_party", "name"),
        ("new_party", "fullname"),
        ("new_party@table",),
        ("new_target", "createdby", "fullname"),
    )
    async with dataverse.copying() as participant:
        await participant.begin()
        assert (await participant.insert_frame("new_everykind", rows)).left == ()
        frame = await participant.frame(Scan("new_everykind", paths))
    assert frame.drop(ID, VERSION, COMPANY).sort("new_code").to_dict(as_series=False) == {
        "new_code": ["A", "B", "C"],
        "new_company.cdm_companycode": ["usmf"] * 3,
        "new_target.new_name": ["Target", None, None],
        "new_party.name": ["Account", None, None],
        "new_party@table": ["account", "contact", None],
        "new_party.fullname": [None, "Contact", None],
        "new_target.createdby.fullname": [None] * 3,
    }
