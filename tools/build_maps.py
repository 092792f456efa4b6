"""Writes the catalog's solutions from a folder of published mapping tables.

    python tools/build_maps.py REFERENCE_DIR

Reads, of ``REFERENCE_DIR``, one JSON file a page under ``table_maps`` (the current state),
``table_maps/older_includes`` (an earlier state of the same page) and ``table_maps_party`` (as shipped with the party
model, with ``version``)::

    {"finops_display": "Customer groups", "dataverse_table": "msdyn_customergroups",
     "source_filter": "", "reversed_source_filter": "",
     "columns": [{"finops": "CUSTOMERGROUPID", "map_type": "=", "dataverse": "msdyn_groupid",
                  "default": null, "value_map": null}]}

and ``schemas/map_index.json``, which names entity and table of every page. ``tools/solutions.yaml`` tells which page
becomes a map of which solution, ``tools/map_mends.yaml`` where the files say something else than the pages, and why.

Older pages name transforms without giving them: they are those of the current page, or a plain copy where that copies.
An older state that says the same as the current one is no version of its own. A transform that nobody gives, and a
mend that finds nothing to mend, are refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

import yaml

from dualwrite.maps.text import parse_map, render_map
from dualwrite.maps.values import (
    MAP_TYPES,
    ColumnMapping,
    Default,
    MapVersion,
    SyncDirection,
    Transform,
    ValueMap,
    Version,
)

TOOLS = Path(__file__).parent
OUT = TOOLS.parent / "src" / "dualwrite" / "catalog" / "solutions"
PUBLISHER = "dualwrite"
STATES = {"older": "table_maps/older_includes", "current": "table_maps", "party": "table_maps_party"}
BORROWED = (
    "The published page names transforms without giving them; value maps and constants are those of the later page, "
    "and what that copies is copied."
)


class Unfit(Exception):
    """The pages, the solutions and the mends do not fit together."""


class Line(TypedDict):
    finops: str | None
    map_type: str
    dataverse: str | None
    default: str | None
    value_map: dict[str, str] | None


class Page(TypedDict):
    version: str
    finops_display: str
    dataverse_table: str
    source_filter: str
    reversed_source_filter: str
    columns: list[Line]


MapLayout = TypedDict(
    "MapLayout",
    {
        "id": str,
        "page": str,
        "from": list[str],
        "about": str,
        "remark": str,
        "name": str,
        "source_filter": str,
        "reversed_source_filter": str,
        "versions": dict[str, str],
    },
    total=False,
)


class MendEntry(TypedDict, total=False):
    map: str
    maps: list[str]
    versions: list[str]
    line: str
    becomes: list[object]
    add: list[object]
    key: list[str]
    reason: str


@dataclass(frozen=True)
class Commented:
    """A column with the comment that stands above it in the file; no column where the line is left out."""

    mapping: ColumnMapping | None
    comment: str | None = None


@dataclass
class Mend:
    """What to write instead of a published line, or besides, and why."""

    entry: MendEntry
    columns: tuple[ColumnMapping, ...]
    used: bool = False

    def covers(self, id: str, version: str) -> bool:
        """Whether it is about this version of this map, by name."""
        maps = self.entry.get("maps", [self.entry.get("map", "")])
        return id in maps and version in self.entry.get("versions", [version])

    @property
    def is_general(self) -> bool:
        return "map" not in self.entry and "maps" not in self.entry


@dataclass(frozen=True)
class Draft:
    """A map version with the comments of its file."""

    map: MapVersion
    columns: tuple[Commented, ...]
    remarks: tuple[str, ...] = field(default=())


# --- reading --------------------------------------------------------------------------------------------------------


def read_yaml(path: Path) -> list[dict[str, object]]:
    content: list[dict[str, object]] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return content


def read_mends(path: Path) -> list[Mend]:
    entries: list[MendEntry] = read_yaml(path)  # type: ignore[assignment]
    for entry in entries:
        if not entry.get("reason"):
            raise Unfit(f"{path.name}: a mend without a reason: {entry}")
    return [Mend(entry, spelled([*entry.get("becomes", ()), *entry.get("add", ())])) for entry in entries]


def spelled(lines: Sequence[object]) -> tuple[ColumnMapping, ...]:
    """The columns that ``lines`` spell, as in a map file."""
    stub = {"name": "x", "version": "1.0.0.0", "publisher": "x", "finops_entity": "x", "dataverse_table": "x"}
    return parse_map(yaml.safe_dump({**stub, "columns": list(lines)}, sort_keys=False, width=10_000)).columns


@dataclass(frozen=True)
class Reference:
    """The published pages."""

    folder: Path
    entities: Mapping[str, Mapping[str, str]]

    @classmethod
    def at(cls, folder: Path) -> Reference:
        return cls(folder, json.loads((folder / "schemas" / "map_index.json").read_text(encoding="utf-8")))

    def page(self, state: str, name: str) -> Page | None:
        path = self.folder / STATES[state] / f"{name}.json"
        if not path.exists():
            return None
        content: Page = json.loads(path.read_text(encoding="utf-8"))
        return content

    def sides(self, state: str, name: str) -> Mapping[str, str]:
        return self.entities[f"{STATES[state]}/{name}.json"]


# --- from a page to a map version -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Builder:
    reference: Reference
    mends: Sequence[Mend]

    def versions(self, layout: MapLayout) -> Iterator[Draft]:
        """The versions of one map, lowest first."""
        states = layout.get("from", ["older", "current"])
        pages = {state: page for state in states if (page := self.reference.page(state, layout["page"])) is not None}
        drafts = [self.draft(layout, state, page, alone=len(pages) == 1) for state, page in pages.items()]
        for draft, following in zip(drafts, [*drafts[1:], None], strict=True):
            if following is None:
                first = len(drafts) > 1 and same(drafts[0], draft) and "versions" not in layout
                yield replace(draft, map=replace(draft.map, version=Version(1))) if first else draft
            elif not same(draft, following):
                yield draft

    def draft(self, layout: MapLayout, state: str, page: Page, *, alone: bool) -> Draft:
        number = layout.get("versions", {}).get(state) or page.get("version")
        version = Version.parse(number) if number else Version(1, 0, 0, 1 if state == "current" and not alone else 0)
        mends = [mend for mend in self.mends if mend.covers(layout["id"], str(version))]
        borrowed: list[Line] = []
        columns = [*self.columns(layout, page, mends, borrowed), *added(mends)]
        sides = self.reference.sides(state, layout["page"])
        remarks = [remark] if (remark := layout.get("remark")) else []
        remarks += [BORROWED] if borrowed else []
        keyed = next((mend for mend in mends if "key" in mend.entry), None)
        if keyed is not None:
            keyed.used = True
            remarks.append(f"Integration key: {keyed.entry['reason']}.")
        return Draft(
            MapVersion(
                name=layout.get("name") or f"{page['finops_display']} ({page['dataverse_table']})",
                version=version,
                publisher=PUBLISHER,
                finops_entity=sides["finops"],
                dataverse_table=sides["dataverse"],
                source_filter=layout.get("source_filter") or one_line(page["source_filter"]),
                reversed_source_filter=layout.get("reversed_source_filter") or one_line(page["reversed_source_filter"]),
                columns=tuple(each.mapping for each in columns if each.mapping is not None),
                integration_key=tuple(keyed.entry["key"]) if keyed is not None else None,
                description=layout["about"],
            ),
            tuple(columns),
            tuple(remarks),
        )

    def columns(
        self, layout: MapLayout, page: Page, mends: Sequence[Mend], borrowed: list[Line]
    ) -> Iterator[Commented]:
        current = self.reference.page("current", layout["page"])
        later = {(line["finops"], line["dataverse"]): line for line in current["columns"]} if current else {}
        for line in page["columns"]:
            spoken_of = f"{line['finops'] or 'none'} {line['dataverse'] or 'none'}"
            mend = next((mend for mend in mends if mend.entry.get("line") == spoken_of), None)
            given = None if mend is not None else published(line)
            if mend is None and given is None:
                given = from_later(line, later.get((line["finops"], line["dataverse"])))
                borrowed += [line] if given is not None else []
            if given is None:
                mend = mend or next((m for m in self.mends if m.is_general and m.entry["line"] == spoken_of), None)
                if mend is None:
                    raise Unfit(f"{layout['id']}: the transform of {spoken_of} is not given; mend it")
                yield from replaced(mend)
            else:
                yield Commented(given)


def published(line: Line) -> ColumnMapping | None:
    """The line as it is published; None where it names a transform and gives none."""
    direction, transformed = MAP_TYPES[line["map_type"]]
    transforms = given_transforms(line)
    if transformed != bool(transforms):
        return None
    return ColumnMapping(line["finops"], line["dataverse"], direction, transforms)


def given_transforms(line: Line) -> tuple[Transform, ...]:
    value_map = (ValueMap(tuple(line["value_map"].items())),) if line["value_map"] else ()
    return value_map if line["default"] is None else (*value_map, Default(line["default"]))


def from_later(line: Line, later: Line | None) -> ColumnMapping | None:
    """The line with what the later page says of the same columns; None where that says nothing either."""
    if later is None:
        return None
    transforms = given_transforms(later)
    if MAP_TYPES[later["map_type"]][1] != bool(transforms):
        return None
    return ColumnMapping(line["finops"], line["dataverse"], direction_of(line), transforms)


def direction_of(line: Line) -> SyncDirection:
    return MAP_TYPES[line["map_type"]][0]


def replaced(mend: Mend) -> Iterator[Commented]:
    mend.used = True
    reason = mend.entry["reason"]
    if not mend.columns:
        yield Commented(None, reason)
    for number, column in enumerate(mend.columns):
        yield Commented(column, None if number else reason)


def added(mends: Iterable[Mend]) -> Iterator[Commented]:
    for mend in mends:
        if "add" in mend.entry:
            yield from replaced(mend)


def same(left: Draft, right: Draft) -> bool:
    return left.map == replace(right.map, version=left.map.version)


def one_line(text: str) -> str:
    return " ".join(text.strip("`").split())


# --- writing --------------------------------------------------------------------------------------------------------


def file_text(draft: Draft) -> str:
    lines = [f"# {part}" for remark in draft.remarks for part in folded(remark)]
    comments = iter(draft.columns)
    for line in render_map(draft.map).splitlines():
        if line.startswith("- "):
            lines += comment_lines(comments)
        lines.append(line)
    lines += comment_lines(comments)
    text = "\n".join(lines) + "\n"
    assert parse_map(text) == draft.map
    return text


def comment_lines(columns: Iterator[Commented]) -> Iterator[str]:
    """The comments up to the next column, and its own."""
    for each in columns:
        if each.comment is not None:
            yield from (f"# {part}" for part in folded(each.comment))
        if each.mapping is not None:
            return


def folded(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 112:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def manifest_text(layout: Mapping[str, object]) -> str:
    """The solution's manifest: what ``tools/solutions.yaml`` says of it, with nothing but the ids of its maps."""
    maps: list[MapLayout] = layout["maps"]  # type: ignore[assignment]
    facts = {
        "name": layout["name"],
        "display_name": layout["display_name"],
        "version": layout.get("version", "1.0.0.0"),
        "publisher": PUBLISHER,
        "description": str(layout["description"]).strip(),
        **{fact: layout[fact] for fact in ("depends_on", "excludes", "provides", "explained") if fact in layout},
    }
    head = "".join(
        yaml.safe_dump(
            {name: fact},
            sort_keys=False,
            width=116,
            allow_unicode=True,
            default_flow_style=False if isinstance(fact, str) else None,
        )
        for name, fact in facts.items()
    )
    note = "# In the order of a first run: what is looked up comes before what looks it up.\n"
    return head + note + "maps:\n" + "".join(f"- {each['id']}\n" for each in maps)


def build(reference: Path, out: Path = OUT, tools: Path = TOOLS) -> tuple[int, int]:
    """The solutions stand in ``out``; returns the number of maps and of versions. Raises: Unfit."""
    mends = read_mends(tools / "map_mends.yaml")
    builder = Builder(Reference.at(reference), mends)
    names: set[str] = set()
    files = 0
    for layout in read_yaml(tools / "solutions.yaml"):
        home = out / str(layout["name"])
        home.mkdir(parents=True, exist_ok=True)
        for stale in home.glob("*.yaml"):
            stale.unlink()
        maps: list[MapLayout] = layout["maps"]  # type: ignore[assignment]
        for each in maps:
            for draft in builder.versions(each):
                path = home / f"{each['id']}@{draft.map.version}.yaml"
                path.write_text(file_text(draft), encoding="utf-8")
                names.add(draft.map.name)
                files += 1
        (home / "solution.yaml").write_text(manifest_text(layout), encoding="utf-8")
    unused = [mend.entry for mend in mends if not mend.used]
    if unused:
        raise Unfit(f"mends that mend nothing: {unused}")
    return len(names), files


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("{} maps in {} versions".format(*build(Path(sys.argv[1]))))
