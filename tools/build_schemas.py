"""Turns the gathered schema documents into the environment schemas of the catalog.

    python tools/build_schemas.py REFERENCE_DIR

Reads ``REFERENCE_DIR/schemas/{finops,dataverse}/*.json`` and the mends in ``src/dualwrite/catalog/mends.yaml``; writes
``src/dualwrite/catalog/schemas``: one file a table and one line a column, so that a diff shows the columns that change.
Refuses contradictions (an enum with two definitions, a mend for a column that is not there) instead of guessing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Facts: TypeAlias = dict[str, Any]

CATALOG = Path(__file__).parents[1] / "src" / "dualwrite" / "catalog"
IDENTIFIER_BYTES = 63  # PostgreSQL cuts longer names silently
FINOPS_SCALE = 16  # a real is numeric(32,16)
DATAVERSE_SCALE = {"decimal": 10, "money": 4}
EXCHANGE_RATE_SCALE = 12
UNLISTED_ENUM_LENGTH = 30
STRING_LENGTH = 100
MEMO_LENGTH = 1_048_576
COLUMN_FACTS = (
    "name",
    "type",
    "length",
    "scale",
    "required",
    "label",
    "enum",
    "options",
    "targets",
    "role",
    "inferred",
)
KEPT_BY_THE_ENVIRONMENT = re.compile(
    r"(created|modified)(on|by|onbehalfby)|owning(user|team|businessunit)|versionnumber|exchangerate|\w+_base"
)
SYSTEM_COLUMNS: tuple[Facts, ...] = (
    {"name": "createdon", "type": "datetime", "label": "Created On"},
    {"name": "createdby", "type": "lookup", "targets": ["systemuser"], "label": "Created By"},
    {"name": "modifiedon", "type": "datetime", "label": "Modified On"},
    {"name": "modifiedby", "type": "lookup", "targets": ["systemuser"], "label": "Modified By"},
    {"name": "versionnumber", "type": "bigint", "label": "Version Number"},
)
OWNER_COLUMNS: tuple[Facts, ...] = (
    {"name": "ownerid", "type": "lookup", "targets": ["systemuser", "team"], "label": "Owner"},
    {"name": "owningbusinessunit", "type": "lookup", "targets": ["businessunit"], "label": "Owning Business Unit"},
    {"name": "owninguser", "type": "lookup", "targets": ["systemuser"], "label": "Owning User"},
    {"name": "owningteam", "type": "lookup", "targets": ["team"], "label": "Owning Team"},
)


class Contradiction(Exception):
    """The documents and the mends do not fit together."""


def read_documents(folder: Path) -> list[Facts]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def as_list(mend: Facts, singular: str) -> list[str]:
    """The names that a mend is about, given one by one or as a list."""
    one = mend.get(singular)
    return [one] if one is not None else list(mend.get(singular + "s", ()))


# --- finance and operations -----------------------------------------------------------------------------------------


def collect_enums(documents: Iterable[Facts], mends: Iterable[Facts]) -> dict[str, dict[str, int]]:
    """The one definition of each enum; those that nobody lists members of are absent."""
    mended = {mend["enum"]: {str(m): number for number, m in enumerate(mend["members"])} for mend in mends}
    enums: dict[str, dict[str, int]] = {}
    for document in documents:
        for name, members in document["enums"].items():
            if name in mended:
                lost = {m.casefold() for m in members} - {m.casefold() for m in mended[name]}
                if lost:
                    raise Contradiction(f"{document['entity']}: the mend of {name} loses {sorted(lost)}")
            elif members and enums.setdefault(name, members) != members:
                raise Contradiction(f"{document['entity']}: enum {name} differs from an earlier entity's; mend it")
    return {name: members for name, members in sorted((enums | mended).items())}


def finops_column(facts: Facts, *, enums: Mapping[str, object], key: list[str]) -> Facts:
    column: Facts = {"name": facts["name"], "type": facts["type"], "label": facts.get("label", "")}
    inferred = ["column"] if facts.get("source") == "inferred" else list(facts.get("inferred", ()))
    if facts["name"] in key:
        inferred.append("key")
    column["required"] = facts["required"] or facts["name"] in key
    if facts["type"] == "string":
        column["length"] = facts["length"]
    elif facts["type"] == "decimal":
        column["scale"] = FINOPS_SCALE
    elif facts["type"] == "enum" and facts["enum"] in enums:
        column["enum"] = facts["enum"]
    elif facts["type"] == "enum":
        column |= {"type": "string", "length": UNLISTED_ENUM_LENGTH}
        inferred = [*(fact for fact in inferred if fact not in ("type", "enum", "length")), "type", "length"]
    return column | {"inferred": inferred}


def finops_table(document: Facts, enums: Mapping[str, object]) -> Facts:
    key: list[str] = document["key"]
    company = "dataAreaId" if document["company_specific"] else None
    if (company is not None) != (key[0] == "dataAreaId"):
        raise Contradiction(f"{document['entity']}: the company is not the first part of the key")
    return {
        "name": document["entity"],
        "entity_set": document["entity_set"],
        "label": document["label"],
        "company_column": company,
        "key": key,
        "columns": [finops_column(facts, enums=enums, key=key) for facts in document["columns"]],
    }


# --- Dataverse ------------------------------------------------------------------------------------------------------


def dataverse_column(facts: Facts, tables: set[str]) -> Facts:
    name, kind = facts["name"], facts["type"]
    column: Facts = {"name": name, "type": kind, "label": facts.get("label", "")}
    inferred = ["column"] if facts.get("source") == "inferred" else list(facts.get("inferred", ()))
    targets = [target for target in facts.get("targets", ()) if target in tables]
    if name == "versionnumber":
        column["type"] = "bigint"
    elif kind == "lookup" and not targets:
        column["type"], inferred = "guid", ["type"]
    elif kind == "lookup":
        column["targets"] = targets
    elif kind == "picklist" and not facts["options"]:
        column["type"], inferred = "int", ["type"]
    elif kind == "picklist":
        column["options"] = facts["options"]
    elif kind in ("string", "memo"):
        column["length"] = facts.get("length") or (STRING_LENGTH if kind == "string" else MEMO_LENGTH)
    elif kind in DATAVERSE_SCALE:
        column["scale"] = EXCHANGE_RATE_SCALE if name == "exchangerate" else DATAVERSE_SCALE[kind]
    if "kind" in facts:
        column["role"] = facts["kind"]
    elif name == "ownerid":
        column["role"] = "owner"
    elif KEPT_BY_THE_ENVIRONMENT.fullmatch(name):
        column["role"] = "system"
    return column | {"inferred": inferred}


def label_of(document: Facts) -> str:
    """A label in words: the documents' entity name, or the table's name without its publisher's prefix."""
    entity: str | None = document.get("cdm_entity")
    if entity is not None:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", entity)
    bare = str(document["table"]).split("_", 1)[-1]
    return bare.replace("_", " ").capitalize()


def dataverse_table(document: Facts, tables: set[str]) -> Facts:
    table: Facts = {
        "name": document["table"],
        "entity_set": document["entity_set"],
        "label": label_of(document),
        "company_column": document.get("company_column"),
        "key": [document["primary_id"]],
        "alternate_keys": document["alternate_keys"],
        "primary_name": document["primary_name"],
        "columns": [dataverse_column(facts, tables) for facts in document["columns"]],
    }
    if any(column["name"] == "ownerid" for column in table["columns"]):
        add_missing(table, OWNER_COLUMNS)
    add_missing(table, SYSTEM_COLUMNS)
    return table


def add_missing(table: Facts, columns: Iterable[Facts]) -> None:
    """The table has all of ``columns``, in their roles."""
    present = {column["name"]: column for column in table["columns"]}
    for facts in columns:
        role = "owner" if facts["name"] == "ownerid" else "system"
        if facts["name"] in present:
            present[facts["name"]]["role"] = role
        else:
            table["columns"].append(facts | {"role": role, "inferred": ["column"]})


# --- mends and output -----------------------------------------------------------------------------------------------


def apply_mend(tables: Mapping[str, Facts], mend: Facts) -> None:
    for name in as_list(mend, "table"):
        table = tables.get(name)
        if table is None:
            raise Contradiction(f"a mend names table {name!r}, which is not there")
        if "label" in mend:
            table["label"] = mend["label"]
        if mend.get("user_owned"):
            add_missing(table, OWNER_COLUMNS)
        if "company" in mend:
            make_company_specific(table, mend["company"], instead_of=mend.get("instead_of"))
        for column in as_list(mend, "column"):
            mend_column(table, column, mend)


def make_company_specific(table: Facts, company: str, *, instead_of: str | None) -> None:
    """The table belongs to companies by the column ``company``, which is part of its keys."""
    columns = [column for column in table["columns"] if column["name"] != instead_of]
    if len(columns) == len(table["columns"]) and instead_of is not None:
        raise Contradiction(f"a mend names column {table['name']}.{instead_of}, which is not there")
    table["company_column"] = company
    if company == "dataAreaId":
        column = {"type": "string", "length": 4, "required": True, "inferred": ["column", "key"]}
        table["key"] = [company, *(name for name in table["key"] if name != instead_of)]
    else:
        column = {"type": "lookup", "targets": ["cdm_company"], "inferred": ["column"]}
        table["alternate_keys"] = [[*key, company] for key in table["alternate_keys"]]
    table["columns"] = [{"name": company, **column}, *columns]


def mend_column(table: Facts, name: str, mend: Facts) -> None:
    column = next((c for c in table["columns"] if c["name"] == name), None)
    if column is None:
        if "type" not in mend["set"]:
            raise Contradiction(f"a mend names column {table['name']}.{name}, which is not there")
        column = {"name": name, "inferred": ["column"]}
        table["columns"].append(column)
    column |= mend.get("set", {})
    column["targets"] = [*column.get("targets", ()), *mend.get("add_targets", ())]
    column["targets"] = list(dict.fromkeys(column["targets"]))


def check_table(table: Facts) -> None:
    names = [column["name"] for column in table["columns"]]
    folded = {name.casefold() for name in names}
    if len(folded) != len(names):
        raise Contradiction(f"{table['name']}: two columns of one name")
    too_long = [name for name in (table["name"], *names) if len(name.encode()) > IDENTIFIER_BYTES]
    if too_long:
        raise Contradiction(f"{table['name']}: names too long for the database: {too_long}")


def compact(facts: Facts) -> Facts:
    """The facts in a fixed order, without those that say nothing."""
    return {fact: facts[fact] for fact in COLUMN_FACTS if facts.get(fact) not in (None, "", [], False, "plain")}


def spell(table: Facts) -> str:
    """The table as JSON, one line a column."""
    head = {fact: value for fact, value in table.items() if fact != "columns" and value not in (None, [])}
    lines = [f" {json.dumps(fact)}: {json.dumps(value, ensure_ascii=False)}," for fact, value in head.items()]
    columns = ",\n".join("  " + json.dumps(compact(column), ensure_ascii=False) for column in table["columns"])
    return "\n".join(["{", *lines, ' "columns": [', columns, " ]", "}", ""])


def write_tables(folder: Path, tables: Iterable[Facts]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        stale.unlink()
    for table in tables:
        check_table(table)
        (folder / f"{table['name']}.json").write_text(spell(table), encoding="utf-8")


def build(reference: Path, catalog: Path = CATALOG) -> tuple[int, int]:
    """The catalog's schemas stand in ``catalog``; returns the number of tables of each side.

    Raises: Contradiction.
    """
    mends = yaml.load((catalog / "mends.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    mends = normalised(mends)
    finops = read_documents(reference / "schemas" / "finops")
    dataverse = read_documents(reference / "schemas" / "dataverse")
    enums = collect_enums(finops, mends["enums"])
    names = {document["table"] for document in dataverse}
    sides = {
        "finops": {document["entity"]: finops_table(document, enums) for document in finops},
        "dataverse": {document["table"]: dataverse_table(document, names) for document in dataverse},
    }
    schemas = catalog / "schemas"
    for side, tables in sides.items():
        for mend in mends[side]:
            apply_mend(tables, mend)
        write_tables(schemas / side, tables.values())
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(members)}" for name, members in enums.items())
    (schemas / "finops_enums.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    return len(finops), len(dataverse)


def normalised(mends: Any) -> Facts:
    """Mends with real numbers and truth values; YAML is read as bare text so that an enum member ``No`` stays text."""
    for side in ("finops", "dataverse"):
        for mend in mends[side]:
            mend["user_owned"] = mend.get("user_owned") == "true"
            facts = mend.get("set", {})
            for fact, value in facts.items():
                if fact in ("length", "scale"):
                    facts[fact] = None if value == "null" else int(value)
                elif fact == "options":
                    facts[fact] = {label: int(number) for label, number in value.items()}
                elif fact == "required":
                    facts[fact] = value == "true"
    return dict(mends)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("{} finance and operations entities, {} Dataverse tables".format(*build(Path(sys.argv[1]))))
