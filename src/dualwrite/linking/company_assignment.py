"""Which rows of a table get which company, worked out on frames: nothing is read or written here.

The frame of a table's rows has ``@id``, ``@company`` (null for the rows that are looked at), ``@team`` (whether the row
belongs to a team), and as text in lower case what the rule and the keys look at, by dotted paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, assert_never

import polars as pl

from dualwrite.environments.bulk import COMPANY as ROW_COMPANY
from dualwrite.environments.bulk import ID
from dualwrite.linking.company_rules import ANY_OTHER, COMPANY, LINE, ByKeys, ByValue, CompanyRule, OneCompany

TEAM: Final = "@team"
REASON: Final = "@reason"
RECORD: Final = "@record"


@dataclass(frozen=True, slots=True)
class Key:
    """Columns of a key beside the company: rows of one company differ in at least one of them."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """What a rule does to a table.

    ``given`` are the rows that get a company (``@id``, ``@team``, RECORD, COMPANY), ``left`` those that stay without
    one (``@id``, RECORD, REASON), ``lines`` the lines of a file that name no such row (LINE, RECORD, COMPANY, REASON).
    """

    table: str
    rows: int
    had_company: int
    given: pl.DataFrame
    left: pl.DataFrame
    lines: pl.DataFrame

    @cached_property
    def by_company(self) -> Mapping[str, int]:
        """How many rows get which company, the largest first."""
        return _counted(self.given[COMPANY])

    def samples(self, company: str, most: int) -> Sequence[str]:
        return self.given.filter(pl.col(COMPANY) == company)[RECORD].head(most).to_list()


def assign(
    table: str, rows: pl.DataFrame, rule: CompanyRule, *, keys: Sequence[Key], companies: Mapping[str, str]
) -> Assignment:
    """The rule on all rows of the table. ``companies`` are the known codes by their lower case.

    Every row without a company is either given one or left with a reason.
    """
    without = rows.filter(pl.col(ROW_COMPANY).is_null())
    ruled = _ruled(without, rule)
    known = pl.DataFrame(
        {"@folded": list(companies), "@code": list(companies.values())},
        schema={"@folded": pl.String, "@code": pl.String},
    )
    ruled = ruled.join(known, left_on=pl.col(COMPANY).str.to_lowercase(), right_on="@folded", how="left")
    unknown = pl.format("company {} was not found in cdm_companies", pl.col(COMPANY))
    ruled = ruled.with_columns(
        pl.when(pl.col(COMPANY).is_not_null() & pl.col("@code").is_null() & pl.col(REASON).is_null())
        .then(unknown)
        .otherwise(pl.col(REASON))
        .alias(REASON),
        pl.col("@code").alias(COMPANY),
    )
    for key in keys:
        ruled = _without_clashes(ruled, rows, key)
    record = _record(keys, rows.columns)
    given = ruled.filter(pl.col(REASON).is_null()).select(ID, TEAM, record, COMPANY)
    left = ruled.filter(pl.col(REASON).is_not_null()).select(ID, record, REASON)
    return Assignment(table, rows.height, rows.height - without.height, given, left, _idle_lines(rule, rows))


def _record(keys: Sequence[Key], there: Sequence[str]) -> pl.Expr:
    """What a row is called: its first key, else its id."""
    shown = [pl.col(each) for each in (keys[0].columns if keys else ()) if each in there]
    name = pl.concat_str(shown, separator=", ", ignore_nulls=True) if shown else pl.lit("")
    return pl.when(name != "").then(name).otherwise(pl.col(ID)).alias(RECORD)


def _ruled(without: pl.DataFrame, rule: CompanyRule) -> pl.DataFrame:
    """The rows with ``company`` as the rule has it, or ``reason``."""
    nothing = pl.lit(None, pl.String)
    match rule:
        case OneCompany():
            return without.with_columns(pl.lit(rule.company).alias(COMPANY), nothing.alias(REASON))
        case ByValue():
            return _by_value(without, rule)
        case ByKeys():
            return _by_keys(without, rule)
        case _:
            assert_never(rule)


def _by_value(without: pl.DataFrame, rule: ByValue) -> pl.DataFrame:
    value = pl.col(rule.path).fill_null("")
    other = rule.companies.get(ANY_OTHER)
    named = {key: company for key, company in rule.companies.items() if key != ANY_OTHER}
    company = value.replace_strict(list(named), list(named.values()), default=other, return_dtype=pl.String)
    reason = (
        pl.when(value == "")
        .then(pl.lit(f"{rule.path} is empty, and the rule names no company for that"))
        .otherwise(pl.format(f"the rule names no company for {rule.path} = {{}}", value))
    )
    return without.with_columns(company.alias(COMPANY)).with_columns(
        pl.when(pl.col(COMPANY).is_null()).then(reason).alias(REASON)
    )


def _by_keys(without: pl.DataFrame, rule: ByKeys) -> pl.DataFrame:
    paths = list(rule.paths)
    lines = _folded_lines(rule)
    at_odds = pl.col("@companies") > 1
    answers = lines.group_by(paths).agg(
        pl.col(COMPANY).first(), pl.col(COMPANY).str.to_lowercase().n_unique().alias("@companies")
    )
    several = without.group_by(paths).agg(pl.len().alias("@rows"))
    joined = without.join(answers, on=paths, how="left").join(several, on=paths, how="left")
    reason = (
        pl.when(pl.col(COMPANY).is_null())
        .then(pl.lit("the file does not name the row"))
        .when(at_odds)
        .then(pl.lit("the file names several companies for the key"))
        .when(pl.col("@rows") > 1)
        .then(pl.lit(f"several rows without a company have this {', '.join(rule.paths)}"))
    )
    return joined.with_columns(reason.alias(REASON)).drop("@companies", "@rows")


def _folded_lines(rule: ByKeys) -> pl.DataFrame:
    return rule.lines.with_columns(pl.col(each).str.to_lowercase() for each in rule.paths)


def _idle_lines(rule: CompanyRule, rows: pl.DataFrame) -> pl.DataFrame:
    """The lines of a file that name no row without a company."""
    schema = {LINE: pl.Int64, RECORD: pl.String, COMPANY: pl.String, REASON: pl.String}
    if not isinstance(rule, ByKeys):
        return pl.DataFrame(schema=schema)
    paths = list(rule.paths)
    free = rows.filter(pl.col(ROW_COMPANY).is_null()).select(paths).unique()
    lines = _folded_lines(rule).join(free, on=paths, how="anti")
    taken = rows.filter(pl.col(ROW_COMPANY).is_not_null()).group_by(paths).agg(pl.col(ROW_COMPANY))
    found = lines.join(taken, on=paths, how="left").filter(
        ~pl.col(ROW_COMPANY).list.contains(pl.col(COMPANY).str.to_lowercase()).fill_null(False)
    )
    reason = (
        pl.when(pl.col(ROW_COMPANY).is_null())
        .then(pl.lit("no row has this key"))
        .otherwise(pl.format("the row has the company {} already", pl.col(ROW_COMPANY).list.first()))
    )
    record = pl.concat_str(paths, separator=", ", ignore_nulls=True)
    return found.select(LINE, record.alias(RECORD), COMPANY, reason.alias(REASON)).sort(LINE)


def _without_clashes(ruled: pl.DataFrame, rows: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Rows that would be second under their key and company have a reason. A key with an empty part binds nobody."""
    columns = list(key.columns)
    folded = pl.col(COMPANY).str.to_lowercase().alias("@folded")
    candidates = ruled.filter(pl.col(REASON).is_null()).select(ID, *columns, folded).drop_nulls(columns)
    taken = (
        rows.select(*columns, pl.col(ROW_COMPANY).str.to_lowercase().alias("@folded"))
        .drop_nulls()
        .join(candidates, on=[*columns, "@folded"], how="semi")
        .unique()
        .with_columns(pl.lit(True).alias("@taken"))
    )
    twice = candidates.filter(pl.len().over([*columns, "@folded"]) > 1)
    clashing = pl.concat(
        [
            candidates.join(taken, on=[*columns, "@folded"], how="semi").select(ID, pl.lit(True).alias("@taken")),
            twice.join(taken, on=[*columns, "@folded"], how="anti").select(ID, pl.lit(False).alias("@taken")),
        ]
    )
    if not clashing.height:
        return ruled
    names = ", ".join(columns)
    company = pl.col(COMPANY)
    reason = (
        pl.when(pl.col("@taken"))
        .then(pl.format(f"company {{}} has another row with this {names}", company))
        .when(~pl.col("@taken"))
        .then(pl.format(f"several rows with this {names} would get the company {{}}", company))
        .otherwise(pl.col(REASON))
    )
    return ruled.join(clashing, on=ID, how="left").with_columns(reason.alias(REASON)).drop("@taken")


def _counted(values: pl.Series) -> Mapping[str, int]:
    counts = values.value_counts(sort=True, name="count")
    return dict(zip(counts[values.name], counts["count"], strict=True))
