"""Several changes of one row in a transaction are one change: what the whole transaction did to it."""

from __future__ import annotations

from dualwrite.catalog import load_schema
from dualwrite.environments.port import Operation, RecordChange
from dualwrite.metadata.schema import Side
from dualwrite.metadata.values import Row
from dualwrite.sync.mapping import collapse

CUSTOMERS = load_schema(Side.FINOPS).table("CustomersV3")


def row(record_id: int = 1, **columns: str) -> Row:
    return {"RecId": record_id, **columns}


def change(before: Row | None, after: Row | None) -> RecordChange:
    operation = Operation.CREATE if before is None else Operation.DELETE if after is None else Operation.UPDATE
    return RecordChange(CUSTOMERS, operation, before, after)


def test_one_change_is_itself() -> None:
    only = change(None, row(OrganizationName="A"))
    assert collapse([only]) == [(0, only)]


def test_created_and_changed_is_created_as_it_is_now() -> None:
    changes = [
        change(None, row(OrganizationName="A", SalesMemo="m")),
        change(row(OrganizationName="A"), row(OrganizationName="B")),
    ]
    ((position, merged),) = collapse(changes)
    assert (position, merged.operation) == (1, Operation.CREATE)
    assert merged.after == row(OrganizationName="B", SalesMemo="m")


def test_created_and_deleted_leaves_no_trace() -> None:
    assert collapse([change(None, row(SalesMemo="m")), change(row(SalesMemo="m"), None)]) == []


def test_changed_twice_is_changed_once_from_first_to_last() -> None:
    changes = [
        change(row(SalesMemo="1"), row(SalesMemo="2")),
        change(row(SalesMemo="2"), row(SalesMemo="3")),
    ]
    ((_, merged),) = collapse(changes)
    assert (merged.before, merged.after) == (row(SalesMemo="1"), row(SalesMemo="3"))


def test_partial_images_of_different_columns_are_put_together() -> None:
    changes = [
        change(row(SalesMemo="1"), row(SalesMemo="2")),
        change(row(OrganizationName="A"), row(OrganizationName="B")),
    ]
    ((_, merged),) = collapse(changes)
    assert merged.changed == {"SalesMemo", "OrganizationName"}
    assert merged.before == row(SalesMemo="1", OrganizationName="A")
    assert merged.after == row(SalesMemo="2", OrganizationName="B")


def test_changed_back_is_no_change_of_that_column() -> None:
    changes = [change(row(SalesMemo="1"), row(SalesMemo="2")), change(row(SalesMemo="2"), row(SalesMemo="1"))]
    ((_, merged),) = collapse(changes)
    assert merged.changed == frozenset()


def test_changed_and_deleted_is_deleted_as_it_was() -> None:
    changes = [change(row(SalesMemo="1"), row(SalesMemo="2")), change(row(SalesMemo="2", OrganizationName="A"), None)]
    ((_, merged),) = collapse(changes)
    assert merged.operation is Operation.DELETE
    assert merged.before == row(SalesMemo="1", OrganizationName="A")


def test_rows_keep_their_order() -> None:
    changes = [change(None, row(1)), change(None, row(2)), change(row(1), row(1, SalesMemo="m"))]
    assert [(position, merged.image["RecId"]) for position, merged in collapse(changes)] == [(1, 2), (2, 1)]
