"""Which lines are offered for the columns that a map leaves out."""

from __future__ import annotations

from dataclasses import replace

from map_samples import DATAVERSE, FINOPS, compiled, customers

from dualwrite.catalog import load_schema
from dualwrite.maps.offers import offer_columns, start_columns, unmapped_columns
from dualwrite.maps.values import ColumnMapping, MapVersion, Version
from dualwrite.metadata.schema import Column, ColumnRole, ColumnType, Side

LEFT, RIGHT = FINOPS.table("CustomersEntity"), DATAVERSE.table("account")


def test_columns_of_equal_and_similar_names_are_offered_and_mapped_ones_are_not() -> None:
    left = replace(
        LEFT, columns=(*LEFT.columns, Column("IsTaxLiable", ColumnType.STRING), Column("Telefone", ColumnType.STRING))
    )
    right = replace(
        RIGHT,
        columns=(
            *RIGHT.columns,
            Column("msdyn_taxliable", ColumnType.STRING),
            Column("telephone", ColumnType.STRING),
            Column("isonetime", ColumnType.STRING, role=ColumnRole.SYSTEM),
        ),
    )
    offers = {str(each.mapping): each.likeness for each in offer_columns(left, right, schema=DATAVERSE)}
    assert offers["ISTAXLIABLE = msdyn_taxliable"] == 1.0
    assert offers["GROUPID = groupid.name"] == 1.0
    assert offers["HOLD = hold"] == 1.0
    mapped = customers().columns
    left_over = offer_columns(left, right, schema=DATAVERSE, columns=mapped)
    assert [str(each.mapping) for each in left_over] == ["ISTAXLIABLE = msdyn_taxliable"]


def test_columns_without_a_conversion_are_not_offered() -> None:
    left = replace(LEFT, columns=(*LEFT.columns, Column("Born", ColumnType.BOOLEAN)))
    right = replace(RIGHT, columns=(*RIGHT.columns, Column("born", ColumnType.DATE)))
    assert "BORN" not in {each.mapping.finops for each in offer_columns(left, right, schema=DATAVERSE)}


def test_ids_companies_and_what_the_environment_keeps_are_no_users_columns() -> None:
    names = {column.name for column in unmapped_columns(RIGHT, ())}
    assert not names & {"accountid", "company", "ownerid", "createdon"}
    assert "CustomerAccount" in {column.name for column in unmapped_columns(LEFT, ())}
    assert "dataAreaId" not in {column.name for column in unmapped_columns(LEFT, ())}


def test_a_new_map_starts_with_the_keys_under_whatever_names() -> None:
    columns = start_columns(FINOPS.table("GroupsEntity"), DATAVERSE.table("group"), schema=DATAVERSE)
    assert columns == (ColumnMapping("GROUPID", "name"),)
    compiled(MapVersion("Groups", Version(1), "us", "Groups", "group", columns=columns))


def test_the_catalog_is_offered_what_its_own_maps_say() -> None:
    finops, dataverse = load_schema(Side.FINOPS), load_schema(Side.DATAVERSE)
    left, right = finops.table("CustCustomerGroupEntity"), dataverse.table("msdyn_customergroup")
    lines = {str(each.mapping) for each in offer_columns(left, right, schema=dataverse)}
    assert {"CUSTOMERGROUPID = msdyn_groupid", "DESCRIPTION = msdyn_description"} <= lines | {
        str(each) for each in start_columns(left, right, schema=dataverse)
    }
