"""What is proposed for a map whose tables are unknown can be created, and then the map has all it names."""

from __future__ import annotations

from dualwrite.catalog import load_schema
from dualwrite.environments.hosted.migration import plan_migration
from dualwrite.exchange.table_file import read_tables
from dualwrite.exchange.table_proposal import propose_tables
from dualwrite.maps.compile import compile_map
from dualwrite.maps.plan import Plan
from dualwrite.maps.text import parse_map
from dualwrite.metadata.schema import ColumnType, EnvironmentSchema, Side

FOREIGN = """\
name: Fleet vehicles (con_vehicles)
version: 1.0.0.0
publisher: Contoso
finops_entity: Fleet vehicles
dataverse_table: con_vehicles
integration_key: [con_number]
columns:
- VEHICLEID = con_number
- PURCHASEDATE = con_purchasedate
- ISLEASED >< con_isleased: {no: false, yes: true}
- FUELTYPE >< con_fueltype: {petrol: 1, diesel: 2}
- GROUPID = con_groupid.msdyn_groupid
- COMMENTS = con_comments
"""
MISSING_COLUMNS = """\
name: Customer groups (msdyn_customergroups)
version: 9.0.0.0
publisher: Contoso
finops_entity: CustCustomerGroupEntity
dataverse_table: msdyn_customergroup
columns:
- CUSTOMERGROUPID = msdyn_groupid
- DESCRIPTION = con_text
- TIER = con_tier
"""


def grown(text: str) -> tuple[str, EnvironmentSchema, EnvironmentSchema]:
    """The proposal for a map, and both schemas with it carried out."""
    schemas = {side: load_schema(side) for side in Side}
    proposal = propose_tables(parse_map(text), schemas[Side.FINOPS], schemas[Side.DATAVERSE])
    for table in read_tables(proposal, schemas):
        there = schemas[table.side]
        plan = plan_migration(there, [table])
        assert plan.conflicts == ()
        kept = tuple(each for each in there if each.name != table.name)
        schemas[table.side] = EnvironmentSchema(table.side, (*kept, *plan.tables))
    return proposal, schemas[Side.FINOPS], schemas[Side.DATAVERSE]


def test_tables_that_nobody_knows() -> None:
    proposal, finops, dataverse = grown(FOREIGN)
    entity, table = finops.table("Fleet vehicles"), dataverse.table("con_vehicles")
    assert entity.is_company_specific and table.company_column == "con_company"
    assert entity.key == ("dataAreaId", "VEHICLEID")
    assert table.alternate_keys == (("con_number", "con_company"),)
    assert entity.column("ISLEASED").enumeration is not None
    assert table.column("con_isleased").type is ColumnType.BOOLEAN
    assert table.column("con_purchasedate").type is ColumnType.DATE
    assert table.column("con_groupid").type is ColumnType.LOOKUP
    assert table.column("con_groupid").targets == ("msdyn_customergroup",)
    assert "guess" in proposal
    assert isinstance(compile_map(parse_map(FOREIGN), finops=finops, dataverse=dataverse), Plan)


def test_columns_that_tables_lack_are_like_their_partners() -> None:
    _, finops, dataverse = grown(MISSING_COLUMNS)
    known = load_schema(Side.FINOPS).table("CustCustomerGroupEntity").column("Description")
    assert dataverse.table("msdyn_customergroup").column("con_text").length == known.length
    assert finops.table("CustCustomerGroupEntity").find("TIER") is not None


def test_nothing_is_proposed_where_nothing_is_missing() -> None:
    text = MISSING_COLUMNS.replace("- TIER = con_tier\n", "").replace("con_text", "msdyn_description")
    version = parse_map(text)
    assert propose_tables(version, load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)) == ""


def test_a_table_that_a_lookup_points_to_is_proposed_too() -> None:
    text = FOREIGN.replace("con_groupid.msdyn_groupid", "con_fleetid.con_fleetnumber")
    _, finops, dataverse = grown(text)
    fleet = dataverse.table("con_fleet")
    assert fleet.alternate_keys == (("con_fleetnumber",),)
    assert dataverse.table("con_vehicles").column("con_fleetid").targets == ("con_fleet",)
    assert isinstance(compile_map(parse_map(text), finops=finops, dataverse=dataverse), Plan)
