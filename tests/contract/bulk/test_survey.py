"""Extents: every row is in exactly one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl
import pytest
from every_kind import COMPANIES, DATAVERSE_TABLE, FINOPS_TABLE, code_of, insert_codes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualwrite.environments.bulk import COMPANY, ID, CopyParticipant, Extent, Scan
from dualwrite.environments.hosted.bulk.extents import Surveyor
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.metadata.schema import Side, Table

EXAMPLES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def rows_in(participant: CopyParticipant, table: Table, extents: Sequence[Extent]) -> Counter[object]:
    """How often each row is read when all extents are."""
    read: Counter[object] = Counter()
    for extent in extents:
        frame = await participant.frame(Scan(table.name, (), companies=extent.companies, span=extent.span))
        assert frame.height == extent.rows
        read.update(frame[ID].to_list())
    return read


@EXAMPLES
@given(sizes=st.tuples(st.integers(0, 12), st.integers(0, 12)), most_rows=st.integers(1, 15), interleaved=st.booleans())
async def test_every_row_is_in_one_extent(
    environment: HostedEnvironment, table: Table, sizes: tuple[int, int], most_rows: int, interleaved: bool
) -> None:
    codes = [("usmf", f"u{number}") for number in range(sizes[0])]
    codes += [("demf", f"d{number}") for number in range(sizes[1])]
    if interleaved:
        codes.sort(key=lambda pair: pair[1][1:])
    async with environment.copying() as participant:
        await participant.begin()
        for company, code in codes:
            await insert_codes(participant, table, {company: [code]})
        by_company = await participant.survey(table.name, companies=["demf", "USMF", "none"], most_rows=most_rows)
        everything = await participant.survey(table.name, companies=None, most_rows=most_rows)
        expected = Counter((await participant.frame(Scan(table.name, ())))[ID].to_list())
        assert await rows_in(participant, table, by_company) == expected
        assert await rows_in(participant, table, everything) == expected
    assert all(each.rows <= most_rows for each in (*by_company, *everything))
    large = {company for company, rows in zip(("USMF", "demf"), sizes, strict=True) if rows > most_rows}
    assert all(len(each.companies or ()) == 1 or large.isdisjoint(each.companies or ()) for each in by_company)


async def test_a_table_without_rows_has_no_extent(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        assert list(await participant.survey(table.name, companies=["usmf", "demf"], most_rows=10)) == []
        assert list(await participant.survey(table.name, companies=None, most_rows=10)) == []


async def test_rows_that_come_later_are_in_an_extent_too(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": list("abcdef")})
        extents = await participant.survey(table.name, companies=["usmf"], most_rows=2)
        assert len(extents) == 3
        later = await insert_codes(participant, table, {"usmf": ["later"]})
        last = await participant.frame(Scan(table.name, (), companies=extents[-1].companies, span=extents[-1].span))
    assert later[0] in last[ID].to_list()


@pytest.mark.parametrize("most_rows", [2, 100], ids=["own extents", "shared"])
async def test_rows_that_are_younger_than_the_survey_can_be_left_out(
    environment: HostedEnvironment, table: Table, most_rows: int
) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": list("abcdef"), "demf": ["x"]})
        now = await participant.now()
        extents = await participant.survey(
            table.name, companies=["usmf", "demf"], most_rows=most_rows, created_before=now
        )
        expected = Counter((await participant.frame(Scan(table.name, ())))[ID].to_list())
        later = await insert_codes(participant, table, {"usmf": ["later"]})
        if environment.side is Side.DATAVERSE:
            await create_a_minute_later(participant, table, later)
        read: Counter[object] = Counter()
        for each in extents:
            scan = Scan(table.name, (), companies=each.companies, span=each.span, created_before=now)
            read.update((await participant.frame(scan))[ID].to_list())
    assert read == expected


async def create_a_minute_later(participant: CopyParticipant, table: Table, ids: pl.Series) -> None:
    """A transaction has one time for all its rows; the row is one of a later transaction."""
    connection = participant.connection  # type: ignore[attr-defined]
    await connection.execute(
        f"UPDATE data.{table.name} SET createdon = now() + interval '1 minute' WHERE {table.key[0]} = %s", [ids[0]]
    )


async def test_rows_are_counted_by_company(environment: HostedEnvironment, table: Table) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["a", "b"], "demf": ["c"]})
        if table is not FINOPS_TABLE:
            await participant.insert_frame(table.name, pl.DataFrame({code_of(table): ["nobody's"]}))
        counts = dict(await participant.count_by_company(table.name))
        companies = set((await participant.frame(Scan(table.name, ())))[COMPANY])
    assert set(counts) == companies
    assert counts.pop(None, 1) == 1
    assert counts == ({"usmf": 2, "demf": 1} if table is FINOPS_TABLE else {"usmf": 2, "DEMF": 1})


async def test_rows_without_a_company_are_asked_for_by_an_empty_text(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        await insert_codes(participant, DATAVERSE_TABLE, {"usmf": ["a"], "demf": ["b"]})
        await participant.insert_frame(DATAVERSE_TABLE.name, pl.DataFrame({"new_code": ["lost", "alone"]}))
        (extent,) = await participant.survey(DATAVERSE_TABLE.name, companies=["usmf", ""], most_rows=10)
        scan = Scan(DATAVERSE_TABLE.name, (("new_code",),), companies=extent.companies)
        assert sorted((await participant.frame(scan))["new_code"]) == ["a", "alone", "lost"]
    assert (extent.companies, extent.rows) == (("usmf", ""), 3)


async def test_companies_that_are_not_named_have_extents_of_their_own(
    environment: HostedEnvironment, table: Table
) -> None:
    async with environment.copying() as participant:
        await participant.begin()
        await insert_codes(participant, table, {"usmf": ["a", "b"], "demf": ["c"]})
        named, other = await participant.survey(table.name, companies=["usmf"], most_rows=10, others=True)
        (alone,) = await participant.survey(table.name, companies=["usmf"], most_rows=10)
    assert named == alone
    assert (named.rows, other.rows) == (2, 1)
    assert [each.lower() for each in other.companies or ()] == ["demf"]


async def test_a_great_table_is_cut_into_about_equal_parts(dataverse: HostedEnvironment) -> None:
    rows, parts = 60_000, 8
    async with dataverse.copying() as participant:
        await participant.begin()
        await insert_codes(participant, DATAVERSE_TABLE, {"usmf": [f"{number:06}" for number in range(rows)]})
        layouts = participant.layouts  # type: ignore[attr-defined]
        connection = participant.connection  # type: ignore[attr-defined]
        surveyor = Surveyor(connection, layouts, DATAVERSE_TABLE.name, most_exact_rows=rows // 2)
        extents = await surveyor.extents(None, await surveyor.counts(None, {}), {}, most_rows=rows // parts)
        read: list[object] = []
        for each in extents:
            found = (await participant.frame(Scan(DATAVERSE_TABLE.name, (), span=each.span)))[ID].to_list()
            assert len(found) * parts / rows < 3
            read += found
    assert len(extents) == parts
    assert len(set(read)) == len(read) == rows == sum(each.rows for each in extents)


async def test_a_global_table_is_counted_as_a_whole(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        assert await participant.count_by_company("cdm_company") == {None: len(COMPANIES)}
        (extent,) = await participant.survey("cdm_company", companies=None, most_rows=10)
    assert (extent.companies, extent.rows) == (None, len(COMPANIES))
