"""Which records a save that failed is about, and what sort of thing stood in the way."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

from dualwrite.environments.port import Epoch, LegalEntityLink, Operation, RecordChange
from dualwrite.errors import (
    Contention,
    DualwriteError,
    EnvironmentUnavailable,
    OutcomeUnknown,
    PartnerRefused,
    RecordRefused,
)
from dualwrite.metadata.values import LegalEntityId, Row
from dualwrite.store.sync_errors import Category, FailureKind
from dualwrite.sync.failures import category_of, failed_live
from dualwrite.sync.link import Companies, Routing
from dualwrite.sync.mapping import Action, Work
from linked_pair import demonstration_plans

CUSTOMERS = next(each for each in demonstration_plans() if each.map.name == "Customers V3 (accounts)")
ROUTING = Routing(Epoch(1), (CUSTOMERS,), Companies((LegalEntityLink(LegalEntityId("usmf"), "CRM1"),)))
CHANGE = UUID(int=7)


def row(account: str, **columns: str) -> Row:
    return {"RecId": 1, "RecVersion": 5, "dataAreaId": "usmf", "CustomerAccount": account, **columns}


def changed(account: str, **columns: str) -> RecordChange:
    before = row(account, **dict.fromkeys(columns, "old"))
    return RecordChange(CUSTOMERS.finops, Operation.UPDATE, before, row(account, **columns))


def work(account: str, command: int) -> Work:
    route = CUSTOMERS.to_dataverse
    assert route is not None
    names = frozenset({"OrganizationName"})
    held = row(account, OrganizationName="new")
    return Work(CUSTOMERS, route, Action.WRITE, held, names, {}, (account,), account, "CRM1", command)


def every_error(root: type[DualwriteError] = DualwriteError) -> Iterator[type[DualwriteError]]:
    yield root
    for each in root.__subclasses__():
        yield from every_error(each)


def test_whatever_is_no_environment_and_nobody_else_is_the_records_own_fault() -> None:
    for kind in every_error():
        expected = Category.APPLICATION
        if issubclass(kind, Contention):
            expected = Category.CONCURRENCY
        elif issubclass(kind, EnvironmentUnavailable | OutcomeUnknown):
            expected = Category.SYSTEM
        assert category_of(kind.__new__(kind)) is expected, kind.__name__


def test_the_record_that_was_refused_fails_and_not_the_others_of_its_transaction() -> None:
    refusal = PartnerRefused(f"{CUSTOMERS.map.name}, C2: no such group.", column="CustomerGroupId")
    refusal.details = {**refusal.details, "code": "DW0503", "command": 1}
    changes = [changed("C1", OrganizationName="new"), changed("C2", OrganizationName="new")]
    (only,) = failed_live(ROUTING, changes, refusal, work=[work("C1", 0), work("C2", 1)], change=CHANGE)
    assert (only.record, only.number, only.change) == ("C2", 1, CHANGE)
    assert (only.kind, only.category, only.operation) == (FailureKind.LIVE, Category.APPLICATION, Operation.UPDATE)
    assert (only.column, only.code, only.cause) == ("CustomerGroupId", "DW0503", "no such group.")
    assert (only.legal_entity, only.record_id, only.version) == ("usmf", "1", 5)
    assert only.changed == ("OrganizationName",)
    assert only.row["OrganizationName"] == "new"


def test_a_record_that_cannot_even_be_mapped_fails_by_its_name() -> None:
    refusal = RecordRefused(f"{CUSTOMERS.map.name}, C2: CustomerGroupId is empty.", column="CustomerGroupId")
    changes = [
        changed("C1", OrganizationName="new"),
        RecordChange(CUSTOMERS.finops, Operation.CREATE, None, {**row("C2"), "RecId": 2}),
    ]
    (only,) = failed_live(ROUTING, changes, refusal, work=(), change=CHANGE)
    assert (only.record, only.record_id, only.legal_entity, only.changed) == ("C2", "2", "usmf", None)
    assert only.cause == "CustomerGroupId is empty."


def test_all_records_on_their_way_fail_when_the_other_environment_is_away() -> None:
    changes = [changed("C1", OrganizationName="new"), changed("C2", OrganizationName="new")]
    away = EnvironmentUnavailable("dataverse does not answer")
    failed = failed_live(ROUTING, changes, away, work=[work("C1", 0), work("C2", 1)], change=CHANGE)
    assert [(each.record, each.number, each.category) for each in failed] == [
        ("C1", 0, Category.SYSTEM),
        ("C2", 1, Category.SYSTEM),
    ]


def test_an_environment_that_goes_away_itself_fails_no_record() -> None:
    away = EnvironmentUnavailable("finops does not answer")
    assert failed_live(ROUTING, [changed("C1", OrganizationName="new")], away, work=(), change=uuid4()) == ()


def test_a_refusal_that_names_nobody_is_told_of_somebody() -> None:
    refusal = RecordRefused("something else.")
    failed = failed_live(ROUTING, [changed("C1", OrganizationName="x")], refusal, work=[work("C1", 0)], change=CHANGE)
    assert [each.record for each in failed] == ["C1"]
