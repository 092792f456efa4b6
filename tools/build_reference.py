"""Writes the reference pages that the code knows best: settings, errors, the solutions, the command line.

Run as ``python tools/build_reference.py``. The pages are the result and are never edited by hand; a test holds them
equal to what this writes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main
from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

import dualwrite
from dualwrite.catalog.maps import DEMONSTRATION, STARTER, Solution, SolutionMap, load_solutions
from dualwrite.cli.main import build_app
from dualwrite.errors import DualwriteError
from dualwrite.maps.findings import Code
from dualwrite.maps.values import MAP_TYPES, MapVersion
from dualwrite.settings import PREFIX, Settings

OUT = Path(__file__).parent.parent / "docs" / "reference"
NOTICE = "<!-- Written by tools/build_reference.py. Do not edit. -->\n"


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([row(*columns), row(*["---"] * len(columns)), *(row(*each) for each in rows)])


def one_line(text: str | None) -> str:
    """A docstring's words on one line, with Markdown's spelling of code."""
    return " ".join(re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(text or "")).split())


# --- settings -------------------------------------------------------------------------------------------------------

_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (Gt, "gt", "above"),
    (Ge, "ge", "from"),
    (Lt, "lt", "below"),
    (Le, "le", "to"),
)


def settings_page() -> str:
    rows = [
        (f"`{PREFIX}{name.upper()}`", _kind(field), _default(field), one_line(field.description))
        for name, field in Settings.model_fields.items()
    ]
    return "\n\n".join(
        [
            "# Settings",
            "Every setting is an environment variable, read once when a command starts. A value that cannot work is "
            "refused at the start, with the name of the variable and the reason. Options of the command line win over "
            "variables.",
            table(("variable", "value", "default", "meaning"), rows),
        ]
    )


def _kind(field: FieldInfo) -> str:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    name = "text" if annotation is None else getattr(annotation, "__name__", str(annotation))
    words = {"int": "whole number", "float": "number", "str": "text", "Path": "folder", "str | None": "text"}
    bounds = [
        f"{word} {getattr(each, attribute):g}"
        for kind, attribute, word in _BOUNDS
        for each in field.metadata
        if isinstance(each, kind)
    ]
    if any(isinstance(each, MinLen) for each in field.metadata):
        bounds.append("not empty")
    return " ".join([words.get(name, name), *bounds])


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=False)
    if default is None:
        return "unset"
    return f"`{default.value if isinstance(default, Enum) else default}`"


# --- errors ---------------------------------------------------------------------------------------------------------


def all_errors() -> Iterator[tuple[type[DualwriteError], int]]:
    """Every error class of the program with its depth in the tree, in the order of the codes."""
    for module in pkgutil.walk_packages(dualwrite.__path__, "dualwrite."):
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    yield from _branch(DualwriteError, 0)


def _branch(error: type[DualwriteError], depth: int) -> Iterator[tuple[type[DualwriteError], int]]:
    yield error, depth
    for below in sorted(error.__subclasses__(), key=lambda each: (each.code, each.__name__)):
        yield from _branch(below, depth + 1)


def errors_page() -> str:
    remarks = _remarks()
    errors = [(each, depth) for each, depth in all_errors() if not each.__name__.startswith("_")]
    rows = [
        (
            f"`{each.code}`",
            "&nbsp;&nbsp;" * depth + f"`{each.__name__}`",
            each.scope.value,
            each.disposition.value,
            _meaning(each, remarks),
        )
        for each, depth in errors
    ]
    return "\n\n".join(
        [
            "# Errors",
            "Every error that the program raises on purpose is one of these. The code is stable. The *scope* tells how "
            "far the error reaches. The *disposition* tells what a caller may do: *terminal* – asking again gives the "
            "same answer; *transient* – nothing was written, try again later; *outcome unknown* – the request was sent "
            "and not answered, so read the record back before anything else.",
            "A class below another one is a special case of it. Classes that share a code with the one above differ "
            "only in how a service words them.",
            table(("code", "class", "scope", "disposition", "meaning"), rows),
            "How each service spells these errors on the wire stands in [HTTP services](http.md).",
            "## Findings on a map",
            "A map that cannot run is refused with all its findings at once. Each names the place in the map, such as "
            "`columns[3].dataverse`. A finding is an error, which stops the map, or a warning, which does not.",
            table(("code", "meaning", "what to do"), [(f"`{each.value}`", each.meaning, each.remedy) for each in Code]),
        ]
    )


def _remarks() -> Mapping[str, str]:
    """What the drawn trees say behind the classes' names."""
    found: dict[str, str] = {}
    for name in ("dualwrite.errors", "dualwrite.servers.odata.refusals"):
        for line in (importlib.import_module(name).__doc__ or "").splitlines():
            drawn = re.match(r"[\s│]*[├└]── (\w+)\s{2,}(.+)", line)
            if drawn:
                said = re.sub(r"^\d{3}\b|\(transient\)", "", drawn[2]).strip()
                found[drawn[1]] = said.replace("... because", "refused because")
    return found


def _meaning(error: type[DualwriteError], remarks: Mapping[str, str]) -> str:
    own = error.__dict__.get("__doc__")
    status = error.__dict__.get("status")
    named = re.sub(r"(?<!^)([A-Z])", r" \1", error.__name__).lower()
    meaning = remarks.get(error.__name__) or (one_line(own) if own else named)
    return meaning.rstrip(".") + (f"; HTTP {status}" if isinstance(status, int) else "")


# --- maps -----------------------------------------------------------------------------------------------------------


def maps_page() -> str:
    solutions = load_solutions()
    maps = {entry.id for each in solutions for entry in each.entries}
    versions = sum(len(each.entries) for each in solutions)
    return "\n\n".join(
        [
            "# Solutions and table maps",
            f"{len(maps)} table maps in {versions} versions, in {len(solutions)} solutions, each after those it needs. "
            f"A connection starts with {_listed(STARTER)}; the others are applied when they are wanted. The maps of a "
            "solution stand in the order of a first run: what is looked up comes before what looks it up. Those with "
            "an asterisk are run by the demonstration.",
            "*Direction* counts the ways that the map's columns go: *both*, or one way only. *By type* counts the "
            "columns per [map type](../explanation/map-language.md#map-types). The company is part of every "
            "company-specific map and is never listed as a column. A map without an integration key of its own uses an "
            "alternate key of its Dataverse table.",
            table(
                ("solution", "version", "maps", "depends on", "stands for"),
                [
                    (
                        f"[{each.display_name}](#{_anchor(each)})",
                        str(each.version),
                        str(len(each.ids)),
                        _listed(each.depends_on),
                        ", ".join(f"{name} {version}" for name, version in each.provides.items()),
                    )
                    for each in solutions
                ],
            ),
            *(_solution(each) for each in solutions),
        ]
    )


def _anchor(solution: Solution) -> str:
    return solution.display_name.lower().replace(" ", "-")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _solution(solution: Solution) -> str:
    filtered = [each for each in solution.entries if each.map.source_filter or each.map.reversed_source_filter]
    keyed = [each for each in solution.entries if each.map.integration_key is not None]
    parts = [
        f"## {solution.display_name}",
        f"`{solution.name}` {solution.version}: {solution.description}",
        table(
            ("map", "version", "entity", "table", "direction", "columns", "by type"),
            [*map(_map_cells, solution.entries)],
        ),
    ]
    if solution.excludes:
        groups = " or ".join(_listed(group) for group in solution.excludes)
        parts.append(f"Of these, one group may run at a time: {groups}.")
    if keyed:
        keys = (f"{_titled(each)}: {_listed(each.map.integration_key or ())}" for each in keyed)
        parts.append(f"Integration keys: {'; '.join(keys)}.")
    if filtered:
        rows = [(_titled(e), _code(e.map.source_filter), _code(e.map.reversed_source_filter)) for e in filtered]
        parts.append(table(("map", "finance and operations filter", "Dataverse filter"), rows))
    if solution.explained:
        parts.append("Findings that are right as they are:")
        rows = [(f"`{each.code}`", _listed(each.maps), each.reason) for each in solution.explained]
        parts.append(table(("code", "maps", "reason"), rows))
    return "\n\n".join(parts)


def _titled(entry: SolutionMap) -> str:
    return f"{entry.map.name} {entry.map.version}"


def _map_cells(entry: SolutionMap) -> tuple[str, ...]:
    version = entry.map
    types = Counter(each.map_type for each in version.columns)
    shown = ", ".join(f"`{symbol}` {types[symbol]}" for symbol in MAP_TYPES if types[symbol])
    return (
        version.name + ("*" if entry.id in DEMONSTRATION else ""),
        str(version.version),
        f"`{version.finops_entity}`",
        f"`{version.dataverse_table}`",
        _direction(version),
        str(len(version.columns)),
        shown,
    )


def _direction(version: MapVersion) -> str:
    ways = {each.sync_direction.value for each in version.columns if not each.is_constant}
    return next(iter(ways)) if len(ways) == 1 else "both ways"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# --- command line ---------------------------------------------------------------------------------------------------


def cli_page() -> str:
    root: Any = typer.main.get_command(build_app())
    sections = [
        "# Command line",
        one_line(f"{root.help} {root.epilog}"),
        "Exit codes: 0 – done; 1 – refused, or `compare` found a difference; 2 – the line cannot be read.",
        _parameters(root),
    ]
    for path, command in _commands(root, ("dualwrite",)):
        sections += [f"## {' '.join(path)}", f"```text\n{_usage(path, command)}\n```", _help(command.help)]
        sections.append(_parameters(command))
    return "\n\n".join(section for section in sections if section)


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def _usage(path: tuple[str, ...], command: Any) -> str:
    options = any(each.param_type_name == "option" for each in command.params)
    arguments = [_placeholder(each) for each in command.params if each.param_type_name == "argument"]
    return " ".join([*path, *(["[OPTIONS]"] if options else []), *arguments])


def _placeholder(argument: Any) -> str:
    dots = "…" if argument.nargs == -1 else ""
    return f"{_name(argument)}{dots}" if argument.required else f"[{_name(argument)}{dots}]"


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper()).strip("[].")


def _help(text: str | None) -> str:
    """The command's help: its paragraphs, with Markdown's spelling of code and without the terminal's markup."""
    cleaned = re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(text or "").replace("\b", ""))
    cleaned = re.sub(r"\[/?(?:bold|dim|italic|cyan|green|red|yellow)\]", "", cleaned)
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in cleaned.split("\n\n"))


def _parameters(command: Any) -> str:
    rows = [
        (_spelling(each), _help(getattr(each, "help", None)) + _shown_default(each))
        for each in command.params
        if not getattr(each, "hidden", False) and each.name != "help"
    ]
    return table(("", "meaning"), rows) if rows else ""


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_name(parameter)}`" + _choices(parameter)
    return " / ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts)) + _choices(parameter)


def _choices(parameter: Any) -> str:
    """What a parameter may be, where that is a short list or a kind of value."""
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ": " + ", ".join(f"`{member.value}`" for member in annotation)
    kind = str(parameter.bare_type())
    shown = ("int" in kind or "path" in kind) and parameter.param_type_name == "option"
    return f" {kind.strip('<>').split()[0].upper()}" if shown else ""


def _shown_default(parameter: Any) -> str:
    default = parameter.default
    if parameter.required or default is None or isinstance(default, bool) or callable(default) or default in ((), []):
        return ""
    return f" Default: `{getattr(default, 'value', default)}`."


# --- all ------------------------------------------------------------------------------------------------------------

PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "maps.md": maps_page,
    "cli.md": cli_page,
}


def rendered(name: str) -> str:
    """The text of one page, with the notice that it is generated."""
    return f"{NOTICE}\n{PAGES[name]()}\n"


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (OUT / name).write_text(rendered(name), encoding="utf-8")


if __name__ == "__main__":
    main()
