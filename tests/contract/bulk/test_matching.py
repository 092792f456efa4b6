"""Rows found for whole frames of keys."""

from __future__ import annotations

from uuid import UUID

import polars as pl
import pytest
from every_kind import ACCOUNT, COMPANIES, CONTACT, TARGET, code_of, insert_codes
from every_kind import DATAVERSE_TABLE as DATAVERSE

from dualwrite.environments.bulk import COMPANY, ID, ROW, VERSION, FrameSearch
from dualwrite.environments.hosted.environment import HostedEnvironment
from dualwrite.errors import Contention
from dualwrite.metadata.schema import Side, Table


async def test_keys_find_their_rows_within_the_company_in_any_case(
    environment: HostedEnvironment, table: Table
) -> None:
    code, text = code_of(table), "text" if table.side is Side.FINOPS else "new_text"
    keys = pl.DataFrame(
        {"0": ["a", "B", "A", "none", None, 'q"\\'], COMPANY: ["USMF", "usmf", "demf", "usmf", "usmf", "usmf"]}
    )
    async with environment.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, table, {"usmf": ["A", "B", 'q"\\'], "demf": ["C", "a"]}, **{text: "x"})
        found = await participant.find_frame(FrameSearch(table.name, ((code,),), keys, columns=(code, text)))
    expected = [(0, ids[0], "A", "x"), (1, ids[1], "B", "x"), (2, ids[4], "a", "x"), (5, ids[2], 'q"\\', "x")]
    assert found.sort(ROW).select(ROW, ID, code, text).rows() == expected
    assert found.columns[:3] == [ROW, ID, VERSION]
    assert found[VERSION].null_count() == 0


async def test_a_key_with_several_rows_is_there_several_times(dataverse: HostedEnvironment) -> None:
    """``new_text`` has no index: the table is read once for all keys."""
    async with dataverse.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, DATAVERSE, {"usmf": ["A", "B"], "demf": ["C"]}, new_text="Same")
        keys = pl.DataFrame({"0": ["other", "SAME"], COMPANY: ["usmf", "usmf"]})
        within = await participant.find_frame(FrameSearch(DATAVERSE.name, (("new_text",),), keys))
        anywhere = await participant.find_frame(FrameSearch(DATAVERSE.name, (("new_text",),), keys.drop(COMPANY)))
    assert sorted(within.select(ROW, ID).rows()) == [(1, ids[0]), (1, ids[1])]
    assert sorted(anywhere.select(ROW, ID).rows()) == [(1, each) for each in sorted(ids)]


async def test_keys_behind_lookups(dataverse: HostedEnvironment) -> None:
    keys = pl.DataFrame({"0": ["TARGET", "target", "none"], "1": ["a", "b", "a"], COMPANY: ["usmf"] * 3})
    search = FrameSearch(DATAVERSE.name, (("new_target", "new_name"), ("new_code",)), keys, columns=("new_code",))
    async with dataverse.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, DATAVERSE, {"usmf": ["A"]}, new_target=TARGET)
        await insert_codes(participant, DATAVERSE, {"usmf": ["B"]})
        found = await participant.find_frame(search)
        only_behind = FrameSearch(DATAVERSE.name, (("new_target", "new_name"),), keys.drop("1"))
        behind = await participant.find_frame(only_behind)
    assert found.select(ROW, ID, "new_code").rows() == [(0, ids[0], "A")]
    assert sorted(behind.select(ROW, ID).rows()) == [(0, ids[0]), (1, ids[0])]


async def test_numbers_dates_and_ids_are_keys_too(dataverse: HostedEnvironment) -> None:
    async with dataverse.copying() as participant:
        await participant.begin()
        ids = await insert_codes(participant, DATAVERSE, {"usmf": ["A"]}, new_whole=7, new_party=CONTACT)
        by_number = FrameSearch(DATAVERSE.name, (("new_whole",),), pl.DataFrame({"0": [7, 8]}))
        by_id = FrameSearch(DATAVERSE.name, (("new_everykindid",),), pl.DataFrame({"0": [ids[0], str(ACCOUNT)]}))
        columns = ("new_company", "new_party", "new_party@table")
        by_company = FrameSearch(
            DATAVERSE.name, (("new_company",),), pl.DataFrame({"0": [str(COMPANIES["usmf"])]}), columns=columns
        )
        assert (await participant.find_frame(by_number)).select(ROW, ID).rows() == [(0, ids[0])]
        assert (await participant.find_frame(by_id)).select(ROW, ID).rows() == [(0, ids[0])]
        found = await participant.find_frame(by_company)
    assert found.select(ID, *columns).rows() == [(ids[0], str(COMPANIES["usmf"]), str(CONTACT), "contact")]


async def test_global_tables_have_no_company(dataverse: HostedEnvironment) -> None:
    keys = pl.DataFrame({"0": ["target"], COMPANY: ["usmf"]})
    async with dataverse.copying() as participant:
        await participant.begin()
        found = await participant.find_frame(FrameSearch("new_target", (("new_name",),), keys))
    assert found[ID].to_list() == [str(TARGET)]


@pytest.mark.parametrize("path", ["new_name", "createdby"], ids=["by index", "by reading the table"])
async def test_rows_that_are_held_cannot_be_deleted(dataverse: HostedEnvironment, path: str) -> None:
    keys = pl.DataFrame({"0": ["target" if path == "new_name" else str(UUID(int=0x77))]})
    async with dataverse.copying() as holding, dataverse.copying() as deleting:
        await holding.begin()
        await deleting.begin()
        await set_creator(holding)
        found = await holding.find_frame(FrameSearch("new_target", ((path,),), keys, hold=True))
        assert found[ID].to_list() == [str(TARGET)]
        with pytest.raises(Contention):
            await deleting.delete_ids("new_target", found[ID])


async def set_creator(participant: object) -> None:
    connection = participant.connection  # type: ignore[attr-defined]
    await connection.execute("UPDATE data.new_target SET createdby = %s", [UUID(int=0x77)])
