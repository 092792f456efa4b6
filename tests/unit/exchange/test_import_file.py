"""An import writes each record in its own transaction and accounts for every record of the file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from dualwrite import demo
from dualwrite.catalog import load_schema
from dualwrite.environments.port import (
    Caller,
    Command,
    EnvironmentName,
    Existence,
    Operation,
    Page,
    RecordChange,
    RowQuery,
    Update,
)
from dualwrite.errors import Contention, DualwriteError, EnvironmentUnavailable, OutcomeUnknown, ReferenceNotFound
from dualwrite.exchange.csv_file import parse_export
from dualwrite.exchange.import_file import ImportReport, Progress, import_rows
from dualwrite.metadata.schema import EnvironmentSchema, Side
from dualwrite.metadata.values import Row, Value

SCHEMA = load_schema(Side.FINOPS)
CUSTOMERS = SCHEMA.table("CustomersV3")
SAMPLE = Path(demo.__file__).parent / "data" / "customers_v3_export.csv"
CALLER = Caller(name="importer")
HEAD = "CUSTOMERACCOUNT,CUSTOMERGROUPID,ORGANIZATIONNAME,DATAAREAID\n"


class ShelfEnvironment:
    """Keeps customers in a dictionary; refuses accounts on request."""

    def __init__(self, *companies: str, refusing: Mapping[str, DualwriteError] | None = None) -> None:
        self.companies = companies
        self.refusing = refusing or {}
        self.rows: dict[tuple[Value, ...], dict[str, Value]] = {}
        self.transactions = 0

    @property
    def name(self) -> EnvironmentName:
        return EnvironmentName("shelf")

    @property
    def side(self) -> Side:
        return Side.FINOPS

    @property
    def schema(self) -> EnvironmentSchema:
        return SCHEMA

    async def read(self, query: RowQuery) -> Page:
        raise NotImplementedError

    def participate(self) -> object:
        raise NotImplementedError

    async def scan(self, query: RowQuery, *, batch_rows: int = 1000) -> AsyncIterator[Sequence[Row]]:
        assert query.table == "OMLegalEntity"
        yield [{"LegalEntityId": company} for company in self.companies]

    async def transact(self, commands: Sequence[Command], *, caller: Caller) -> Sequence[RecordChange]:
        (command,) = commands
        assert caller == CALLER
        assert isinstance(command, Update) and command.existence is Existence.ANY
        assert not isinstance(command.key, int) and hasattr(command.key, "parts")
        key = tuple(value for _, value in command.key.parts)
        self.transactions += 1
        error = self.refusing.get(str(key[1]))
        if error is not None:
            raise error
        before = self.rows.get(key)
        after = {**(before or {}), **dict(command.key.parts), **command.values}
        self.rows[key] = after
        operation = Operation.CREATE if before is None else Operation.UPDATE
        return [RecordChange(CUSTOMERS, operation, before, after)]


async def load(
    environment: ShelfEnvironment, content: str | bytes, *, progress: Progress | None = None
) -> ImportReport:
    parsed = parse_export(CUSTOMERS, content)
    return await import_rows(environment, CUSTOMERS, parsed, caller=CALLER, progress=progress)  # type: ignore[arg-type]


async def test_the_public_sample_is_imported_and_its_unknown_company_reported() -> None:
    environment = ShelfEnvironment("usmf", "usrt", "demf")
    report = await load(environment, SAMPLE.read_bytes())
    assert (report.created, report.updated, report.unchanged, report.refused_records) == (1, 0, 0, 2)
    assert environment.rows["usmf", "IMP-110143"]["OrganizationName"] == "Import - 110142-1"
    assert str(report.refused[0]) == (
        "line 3, gbsi, IMP-110143: legal entity 'gbsi' is not in the environment (known: demf, usmf, usrt). "
        "Create it or leave its records out."
    )
    assert not report.complete


async def test_a_second_import_finds_everything_unchanged_and_a_changed_one_updates() -> None:
    environment = ShelfEnvironment("usmf")
    lines = [f"US-{number},10,Firm {number},usmf\n" for number in range(3)]
    first = await load(environment, HEAD + "".join(lines))
    second = await load(environment, HEAD + "".join(lines))
    third = await load(environment, HEAD + "".join(lines).replace("Firm 1", "Company 1"))
    assert [(r.created, r.updated, r.unchanged) for r in (first, second, third)] == [(3, 0, 0), (0, 0, 3), (0, 1, 2)]
    assert first.complete and second.complete and third.complete
    assert environment.rows["usmf", "US-1"]["OrganizationName"] == "Company 1"


async def test_columns_that_the_file_does_not_carry_stay_as_they_are() -> None:
    environment = ShelfEnvironment("usmf")
    environment.rows["usmf", "US-1"] = {"CustomerAccount": "US-1", "SalesMemo": "keep me"}
    await load(environment, HEAD + "US-1,10,Firm,usmf\n")
    assert environment.rows["usmf", "US-1"]["SalesMemo"] == "keep me"


async def test_a_refused_record_is_told_and_the_others_are_written() -> None:
    refused = ReferenceNotFound("CustomerGroupId '90' was not found in msdyn_customergroups (company usmf).")
    busy = Contention("US-3 is being changed by somebody else")
    environment = ShelfEnvironment("usmf", refusing={"US-2": refused, "US-3": busy})
    lines = [f"US-{number},10,Firm,usmf\n" for number in range(1, 5)]
    report = await load(environment, HEAD + "".join(lines) + "US-5,10," + "x" * 101 + ",usmf\n")
    assert report.created == 2
    assert [str(refusal) for refusal in report.refused] == [
        "line 3, usmf, US-2: CustomerGroupId '90' was not found in msdyn_customergroups (company usmf).",
        "line 4, usmf, US-3: US-3 is being changed by somebody else. Import the file again.",
        "line 6, US-5, usmf: OrganizationName has 101 characters, the column holds 100",
    ]


async def test_when_the_environment_stops_answering_the_rest_is_reported_as_not_tried() -> None:
    for failure in (EnvironmentUnavailable("no answer"), OutcomeUnknown("sent, no answer")):
        environment = ShelfEnvironment("usmf", refusing={"US-2": failure})
        lines = [f"US-{number},10,Firm,usmf\n" for number in range(1, 5)]
        report = await load(environment, HEAD + "".join(lines))
        assert report.created + report.refused_records == 4
        assert environment.transactions == 2
        assert report.refused[1].reason == f"not tried, because line 3 ended with: {failure.message}"


async def test_progress_counts_every_record() -> None:
    seen: list[tuple[int, int]] = []
    lines = [f"US-{number},10,Firm,{'usmf' if number % 2 else 'gbsi'}\n" for number in range(1, 4)]
    await load(ShelfEnvironment("usmf"), HEAD + "".join(lines), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
