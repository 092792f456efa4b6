"""A file of which three in a hundred records are broken, in every way that files are broken."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field

from dualwrite.cli.imports.refused_csv import write_refused
from dualwrite.environments.port import Create
from dualwrite.store.file_imports import OPEN, ImportCount
from file_imports import Imports
from linked_pair import CALLER

_ROWS = 1200
_EVERY = 33
"""Each so many-th record is broken."""
_COLUMNS = (
    "DATAAREAID",
    "CUSTOMERACCOUNT",
    "CUSTOMERGROUPID",
    "SALESCURRENCYCODE",
    "PARTYTYPE",
    "ORGANIZATIONNAME",
    "CREDITLIMIT",
    "ADDRESSVALIDFROM",
    "PAYMENTTERMSBASEDAYS",
    "CREDMANCUSTOMERSINCE",
    "SALESMEMO",
)


def good(number: int) -> dict[str, str]:
    return {
        "DATAAREAID": "usmf" if number % 2 else "demf",
        "CUSTOMERACCOUNT": f"B-{number:05}",
        "CUSTOMERGROUPID": "10" if number % 3 else "20",
        "SALESCURRENCYCODE": "USD",
        "PARTYTYPE": "Organization",
        "ORGANIZATIONNAME": f"Firm, No. {number}",
        "CREDITLIMIT": f"{number}.50",
        "ADDRESSVALIDFROM": "8/25/2020 1:03 PM",
        "PAYMENTTERMSBASEDAYS": "30",
        "CREDMANCUSTOMERSINCE": "2020-02-29",
        "SALESMEMO": 'said "hello"\r\nand went' if number % 10 == 0 else "",
    }


@dataclass(frozen=True)
class Broken:
    """One way to be broken: what stands in the record, and what is to be said of it."""

    kind: str
    cells: dict[str, str] = field(default_factory=dict)
    column: str = ""
    code: str = "DW0505"
    reason: Callable[[str], bool] = lambda reason: True
    as_line: Callable[[str], str] = lambda line: line


def _says(*parts: str) -> Callable[[str], bool]:
    return lambda reason: all(part in reason for part in parts)


KINDS = [
    Broken("no key", {"CUSTOMERACCOUNT": ""}, "CustomerAccount", reason=_says("is required and empty")),
    Broken("a bad number", {"CREDITLIMIT": "1,5"}, "CreditLimit", reason=_says("'1,5' is not a number")),
    Broken("a bad date", {"CREDMANCUSTOMERSINCE": "2/30/2020"}, "CredManCustomerSince", reason=_says("is not a date")),
    Broken(
        "an invalid time", {"ADDRESSVALIDFROM": "2020-01-01 25:00:00"}, "AddressValidFrom", reason=_says("25:00:00")
    ),
    Broken(
        "an unknown enum", {"PARTYTYPE": "Robot"}, "PartyType", reason=_says("'Robot' is not one of", "Organization")
    ),
    Broken(
        "too long", {"ORGANIZATIONNAME": "x" * 101}, "OrganizationName", reason=_says("101 characters", "holds 100")
    ),
    Broken("no such company", {"DATAAREAID": "gbsi"}, "dataAreaId", "DW0503", _says("legal entity 'gbsi' is not")),
    Broken(
        "a second time", {"CUSTOMERACCOUNT": "b-00001", "DATAAREAID": "USMF"}, "", "DW0502", _says("before, in line")
    ),
    Broken(
        "too few cells",
        {},
        "",
        "DW0500",
        _says("has 10 values where the header names 11"),
        lambda line: line.partition(",")[2],
    ),
    Broken("not there on the other side", {"CUSTOMERGROUPID": "90"}, "msdyn_customergroupid", "DW0503", _says("90")),
    Broken("required and empty", {"CUSTOMERGROUPID": " "}, "CustomerGroupId", reason=_says("is required and empty")),
    Broken(
        "too large",
        {"PAYMENTTERMSBASEDAYS": "2147483648"},
        "PaymentTermsBaseDays",
        reason=_says("does not fit into 32 bits"),
    ),
    Broken("outside of the calendar", {"ADDRESSVALIDFROM": "1/1/1850"}, "AddressValidFrom", reason=_says("1850")),
    Broken(
        "quotation marks inside",
        {},
        "",
        "DW0500",
        _says("cannot be read as a record"),
        lambda line: line.replace("Organization", '"Org"aniz', 1),
    ),
]


@dataclass(frozen=True)
class BrokenFile:
    """``broken`` tells the kind by the line that the record starts on."""

    text: str
    broken: dict[int, Broken]


def broken_file() -> BrokenFile:
    lines, broken = [",".join(_COLUMNS)], {}
    line = 2
    for number in range(1, _ROWS + 1):
        record = good(number)
        kind = KINDS[number // _EVERY % len(KINDS)] if number % _EVERY == 0 else None
        if kind is not None:
            record |= kind.cells
            broken[line] = kind
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(record[name] for name in _COLUMNS)
        lines.append(kind.as_line(text.getvalue()) if kind else text.getvalue())
        line += 1 + lines[-1].count("\n")
    return BrokenFile("\r\n".join(lines) + "\r\n", broken)


async def test_each_refusal_is_right_and_all_other_records_are_in_on_both_sides(imports: Imports) -> None:
    file = broken_file()
    assert 0.025 < len(file.broken) / _ROWS < 0.035
    assert {each.kind for each in file.broken.values()} == {each.kind for each in KINDS}
    report = await imports.load_text(file.text)
    assert report.imported.count == ImportCount(_ROWS, _ROWS - len(file.broken), 0, 0, len(file.broken))
    refused = await imports.refused(report)
    assert [each.line for each in refused] == sorted(file.broken)
    for each in refused:
        kind = file.broken[each.line]
        assert (each.column, each.code) == (kind.column, kind.code), kind.kind
        assert kind.reason(each.reason), (kind.kind, each.reason)
    assert await accounts(imports) == sound_accounts(file)
    assert len(await imports.linked.rows("dataverse", "account")) == _ROWS - len(file.broken)
    assert await imports.linked.differences() == []


async def test_refusals_are_grouped_by_cause(imports: Imports) -> None:
    report = await imports.load_text(broken_file().text)
    groups = await imports.store.file_imports.causes(report.imported.number)
    of_group = [each for each in groups if "90" in each.cause]
    assert sum(each.rows for each in groups) == report.imported.count.refused
    assert {each.rows for each in of_group} <= {1, 2, 3}
    assert len(groups) < report.imported.count.refused


async def test_mended_causes_and_a_rerun_bring_the_rest(imports: Imports) -> None:
    file = broken_file()
    first = await imports.load_text(file.text)
    for code in ("usmf", "demf"):
        group = {"dataAreaId": code, "CustomerGroupId": "90", "Description": "Late"}
        await imports.linked.finops.transact([Create("CustCustomerGroupEntity", group)], caller=CALLER)
    await imports.linked.finops.transact(
        [Create("OMLegalEntity", {"LegalEntityId": "gbsi", "Name": "New"})], caller=CALLER
    )
    mended = [
        line for line, kind in file.broken.items() if kind.kind in ("not there on the other side", "no such company")
    ]
    again = await imports.again(first.imported)
    assert again.imported.count.created == len(mended)
    assert again.imported.rerun_of == first.imported.number
    left = await imports.refused(first)
    assert {file.broken[each.line].kind for each in left} == {
        "too few cells",
        "quotation marks inside",
        "a second time",
    }
    kept = await imports.refused(again)
    assert not {each.line for each in kept} & {each.line for each in left}
    assert sorted(each.line for each in [*kept, *left]) == sorted(set(file.broken) - set(mended))
    assert await imports.linked.differences() == []

    nothing = await imports.again(again.imported)
    assert nothing.imported.count.created == 0
    assert nothing.imported.count.refused == len(kept)


async def test_what_was_refused_can_be_downloaded_mended_and_imported(imports: Imports) -> None:
    file = broken_file()
    report = await imports.load_text(file.text)
    path = imports.folder / "refused.csv"
    written = await write_refused(imports.store.file_imports, report.imported.number, OPEN, path)
    assert written == {path: len(file.broken)}
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    assert [int(each["@line"]) for each in rows] == sorted(file.broken)
    mended = [mend(row, number) for number, row in enumerate(rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(mended)
    path.write_text(text.getvalue(), newline="")
    second = await imports.load(path, entity="CustomersV3")
    assert second.imported.count.created == len(file.broken), [str(each) for each in await imports.refused(second)]
    assert await imports.linked.differences() == []


def mend(row: dict[str, str], number: int) -> dict[str, str]:
    """The record with everything that can be wrong put right; the notes on it stay."""
    sound = {name.casefold(): text for name, text in good(number).items()} | {"customeraccount": f"M-{number:05}"}
    return {name: sound.get(name.casefold(), text) for name, text in row.items()}


async def test_frames_and_single_records_leave_the_same_behind(imports: Imports) -> None:
    file = broken_file()
    by_rows = await imports.load_text(file.text, by_frames=False)
    of_rows = [(each.line, each.column, each.code) for each in await imports.refused(by_rows)]
    before = await accounts(imports)
    by_frames = await imports.load_text(file.text)
    assert await accounts(imports) == before == sound_accounts(file)
    assert by_frames.imported.count.unchanged == len(before)
    of_frames = await imports.refused(by_frames)
    assert [each[0] for each in of_rows] == [each.line for each in of_frames]
    assert [each[2] for each in of_rows] == [each.code for each in of_frames]


async def accounts(imports: Imports) -> set[str]:
    rows = await imports.linked.rows("finops", "CustCustomerV3Entity")
    return {str(row["CustomerAccount"]) for row in rows}


def sound_accounts(file: BrokenFile) -> set[str]:
    broken = {number for number in range(1, _ROWS + 1) if number % _EVERY == 0}
    return {good(number)["CUSTOMERACCOUNT"] for number in range(1, _ROWS + 1) if number not in broken}


def test_the_kinds_are_twelve_and_more() -> None:
    assert len({each.kind for each in KINDS}) == len(KINDS) >= 12
