"""The checks of a link's health. Each looks at one thing and says what it saw; nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from dualwrite.catalog.maps import STARTER, load_manifests
from dualwrite.environments.port import Environment, RowQuery
from dualwrite.errors import DualwriteError, MapRefused
from dualwrite.linking.health import Check, HealthCode, LinkHealth, failed, passed, warning
from dualwrite.linking.legal_entities import few
from dualwrite.linking.link import known_legal_entities
from dualwrite.linking.proposal import LinkProposal, Platform, Platforms
from dualwrite.maps.values import Version
from dualwrite.metadata.schema import Side
from dualwrite.store.connections import Connection, LinkState
from dualwrite.store.database import Store
from dualwrite.store.solutions import SolutionRecord, SolutionState
from dualwrite.sync.company_columns import OWNING_TEAM
from dualwrite.sync.link import COMPANY_CODE, COMPANY_TABLE, Pair
from dualwrite.sync.owning_teams import TEAM_TABLE

LOWEST: Final = {Side.FINOPS: Version(10, 0, 0, 0), Side.DATAVERSE: Version(9, 2, 0, 0)}
"""What linking needs of the platforms; solutions may ask for more."""
_BASE_TABLES: Final = (COMPANY_TABLE, TEAM_TABLE, "businessunit", "systemuser")
_CONFLICTING: Final = ("prospecttocash", "prospectintegration")
"""Solutions of the older integrator, by their names without blanks and signs."""
_SHOWN: Final = {Side.FINOPS: "finance and operations", Side.DATAVERSE: "Dataverse"}

Checks: TypeAlias = Sequence[Check]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a proposal, and the connection between its environments where there is one."""

    store: Store
    connection: str
    pair: Pair
    platforms: Platforms
    proposal: LinkProposal
    link: Connection | None

    def environments(self) -> Iterable[tuple[Side, Environment]]:
        return ((side, self.pair.side(side)) for side in Side)


async def check_link(subject: Subject) -> LinkHealth:
    """Everything about the proposal, or the link, that can be told now.

    Where an environment does not answer, what needs it is left out: that one check says why.
    """
    checks = [*await _environments(subject), *await _access(subject)]
    if not LinkHealth(tuple(checks)).is_sound:
        return LinkHealth(tuple(checks))
    for look in _LOOKS:
        checks += await look(subject)
    return LinkHealth(tuple(checks))


# --- environments ---------------------------------------------------------------------------------------------------


async def _environments(subject: Subject) -> Checks:
    code = HealthCode.ENVIRONMENTS
    known = {each.name: each for each in await subject.store.environments.list()}
    wrong: list[Check] = []
    for side, name in ((Side.FINOPS, subject.proposal.finops), (Side.DATAVERSE, subject.proposal.dataverse)):
        record, there = known.get(name), [each.name for each in known.values() if each.side is side]
        shown = ", ".join(there) or "none; start the program once (dualwrite up)"
        if record is None or record.side is not side:
            said = "is not known" if record is None else f"is a {record.side.value} environment"
            wrong.append(failed(code, f"{name} {said}.", f"Choose one of {_SHOWN[side]}: {shown}"))
        elif subject.pair.side(side).name != name:
            served = subject.pair.side(side).name
            wrong.append(failed(code, f"{name} is not served by this program.", f"Choose {served}."))
    names = f"{subject.proposal.finops} and {subject.proposal.dataverse}"
    return wrong or [passed(code, f"{names}: one of either side.")]


async def _access(subject: Subject) -> Checks:
    """Read as users do and written as the engine does; what is written is taken back."""
    wrong: list[Check] = []
    for side, environment in subject.environments():
        try:
            await environment.epoch()
            await environment.current_schema()
            async with environment.participate() as session:
                await session.begin()
        except DualwriteError as error:
            remedy = "See that its database runs and can be reached, then check again."
            wrong.append(failed(HealthCode.ACCESS, f"{_SHOWN[side]}, {environment.name}: {error.message}", remedy))
    return wrong or [passed(HealthCode.ACCESS, "Both answer, and take part in transactions.")]


async def _versions(subject: Subject) -> Checks:
    code = HealthCode.VERSIONS
    wrong: list[Check] = []
    seen: list[str] = []
    for side in Side:
        platform = await subject.platforms.platform(side)
        seen.append(f"{_SHOWN[side]} {platform.version}")
        asked = await _asked(subject, side)
        by, lowest = max(asked.items(), key=lambda each: each[1])
        if _version(platform.version) < lowest:
            message = f"{_SHOWN[side]} is {platform.version}, and {by} asks for {lowest} at least."
            remedy = f"Update {_SHOWN[side]}" + (
                ", or tell its version by DUALWRITE_FINOPS_APPLICATION." if side is Side.FINOPS else "."
            )
            wrong.append(failed(code, message, remedy))
    return wrong or [passed(code, f"{', '.join(seen)}.")]


async def _asked(subject: Subject, side: Side) -> dict[str, Version]:
    """The lowest version of the platform, by who asks for it."""
    asked = {"linking": LOWEST[side]}
    if side is Side.FINOPS:
        for each in await subject.store.solutions.list(subject.connection):
            application = each.document.get("application")
            if isinstance(application, str):
                asked[each.display_name] = _version(application)
    return asked


async def _tenant(subject: Subject) -> Checks:
    code = HealthCode.TENANT
    finops, dataverse = [await subject.platforms.platform(side) for side in Side]
    if finops.tenants and dataverse.tenants and not finops.tenants & dataverse.tenants:
        message = f"Clients of {_names(finops)} enter finance and operations, those of {_names(dataverse)} Dataverse."
        return [failed(code, message, "Use environments of the same tenant, or register a client that may enter both.")]
    return [passed(code, "The same clients may enter both.")]


def _names(platform: Platform) -> str:
    return f"tenant {', '.join(sorted(platform.tenants))}"


async def _pipeline(subject: Subject) -> Checks:
    code = HealthCode.PIPELINE
    missing = [_SHOWN[side] for side in Side if not (await subject.platforms.platform(side)).followed]
    if missing:
        message = f"{' and '.join(missing)}: what users save there does not pass through dual-write."
        return [failed(code, message, "Start the program again (dualwrite up): it registers itself on both sides.")]
    return [passed(code, "Both sides hand over what they save.")]


async def _application_user(subject: Subject) -> Checks:
    code = HealthCode.APPLICATION_USER
    user = (await subject.platforms.platform(Side.DATAVERSE)).user
    if user is None or subject.pair.dataverse.schema.find("systemuser") is None:
        return [warning(code, "Dataverse keeps no user of dual-write.", "Start the program again; it adds its user.")]
    rows = (await subject.pair.dataverse.read(RowQuery("systemuser", columns=("systemuserid", "isdisabled")))).rows
    found = next((row for row in rows if row["systemuserid"] == user), None)
    if found is None or found["isdisabled"]:
        said = "is disabled" if found is not None else "is missing"
        remedy = "Enable it in systemusers." if found is not None else "Start the program again; it adds its user."
        return [failed(code, f"The application user {user} {said} in Dataverse.", remedy)]
    return [passed(code, "The user is there and enabled.")]


# --- solutions ------------------------------------------------------------------------------------------------------


async def _solutions(subject: Subject) -> Checks:
    code = HealthCode.SOLUTIONS
    schema = subject.pair.dataverse.schema
    missing = [name for name in _BASE_TABLES if schema.find(name) is None]
    if missing:
        return [failed(code, f"Dataverse has no table {', '.join(missing)}.", "Start the program again; it adds them.")]
    records = {each.unique_name: each for each in await subject.store.solutions.list(subject.connection)}
    manifests = {each.name: each for each in load_manifests()}
    wanted = [manifests[name].display_name for name in STARTER if not _is_applied(records.get(name))]
    if wanted and subject.link is None:
        return [passed(code, f"These are applied when the link is created: {', '.join(wanted)}.")]
    findings: list[Check] = []
    if wanted:
        remedy = f"dualwrite solutions apply {next(name for name in STARTER if not _is_applied(records.get(name)))}"
        findings.append(warning(code, f"Not applied: {', '.join(wanted)}.", remedy))
    for name, record in records.items():
        newest = manifests[name].version if name in manifests else None
        if newest is not None and _is_applied(record) and _version(record.version) < newest:
            message = f"{record.display_name} is applied in version {record.version}; {newest} is at hand."
            findings.append(warning(code, message, f"dualwrite solutions apply {name}"))
    return findings or [passed(code, f"{len([each for each in records.values() if _is_applied(each)])} are applied.")]


async def _conflicting(subject: Subject) -> Checks:
    """The older integrator (prospect to cash) forbids the same account number in two companies."""
    code = HealthCode.CONFLICTING_SOLUTIONS
    findings: list[Check] = []
    for each in await subject.store.solutions.list(subject.connection):
        folded = ["".join(filter(str.isalnum, name)).lower() for name in (each.unique_name, each.display_name)]
        if any(name in text for name in _CONFLICTING for text in folded):
            message = f"The solution {each.display_name} keeps account numbers unique over all companies."
            remedy = f"Remove it before the first run: dualwrite solutions remove {each.unique_name}"
            findings.append(failed(code, message, remedy))
    account = subject.pair.dataverse.schema.find("account")
    if account is not None and ("accountnumber",) in account.alternate_keys:
        message = (
            "accounts have accountnumber as a key of its own: two companies cannot both have an account of a number."
        )
        remedy = "Remove that key (dualwrite tables remove-key, or the prospect-to-cash solution that brought it)."
        findings.append(failed(code, message, remedy))
    return findings or [passed(code, "None is known to.")]


def _is_applied(record: SolutionRecord | None) -> bool:
    return record is not None and record.state is SolutionState.APPLIED


# --- what takes part ------------------------------------------------------------------------------------------------


async def _legal_entities(subject: Subject) -> Checks:
    code = HealthCode.LEGAL_ENTITIES
    wanted = subject.proposal.legal_entities
    known = {str(row["LegalEntityId"]).lower() for row in await known_legal_entities(subject.pair.finops)}
    unknown = [each for each in wanted if each not in known]
    there = few(sorted(known)) or "none; create one in OMLegalEntities"
    if not wanted:
        return [failed(code, "No legal entity is chosen.", f"Choose one or more of: {there}")]
    if unknown:
        remedy = f"Choose of those there are: {there}. Linked ones that are gone: dualwrite link legal-entities remove"
        return [failed(code, f"Finance and operations has no legal entity {few(unknown)}.", remedy)]
    return [passed(code, f"{len(wanted)} chosen of {len(known)}.")]


async def _companies(subject: Subject) -> Checks:
    code = HealthCode.COMPANIES
    columns = ("cdm_companyid", COMPANY_CODE, "cdm_name")
    rows = (await subject.pair.dataverse.read(RowQuery(COMPANY_TABLE, columns=columns))).rows
    names = Counter(str(row["cdm_name"] or "").strip().lower() for row in rows)
    codes = Counter(str(row[COMPANY_CODE] or "").strip().lower() for row in rows)
    findings: list[Check] = []
    twice = sorted(code for code, count in codes.items() if code and count > 1)
    if twice or codes[""]:
        said = f"Companies of the same code: {few(twice)}." if twice else f"{codes['']} companies have no code."
        findings.append(failed(code, said, "Remove or correct these rows of cdm_companies."))
    alike = sorted(name for name, count in names.items() if name and count > 1)
    if alike or names[""]:
        said = f"Companies of the same name: {few(alike)}." if alike else f"{names['']} companies have no name."
        findings.append(warning(code, said, "Give each row of cdm_companies a name of its own."))
    return findings or [passed(code, f"{len(rows)} companies, all different.")]


# --- the connection -------------------------------------------------------------------------------------------------


async def _connection(subject: Subject) -> Checks:
    code = HealthCode.CONNECTION
    ours = (subject.proposal.finops, subject.proposal.dataverse)
    if subject.link is not None:
        if subject.link.state is not LinkState.LINKED:
            command = "reset" if subject.link.state is LinkState.RESETTING else "unlink"
            message = f"The connection {subject.link.name} is {subject.link.state.value}: that was interrupted."
            return [failed(code, message, f"Let it come to its end: dualwrite link {command}")]
        return [passed(code, f"They are linked as {subject.link.name}.")]
    for each in await subject.store.connections.list():
        taken = [name for name in ours if name in (each.finops_environment, each.dataverse_environment)]
        if taken:
            message = f"{' and '.join(taken)} belongs to the connection {each.name} already."
            return [failed(code, message, "Unlink it first, or choose other environments.")]
    return [passed(code, "Neither is linked yet.")]


async def _in_step(subject: Subject) -> Checks:
    code = HealthCode.IN_STEP
    epochs = {await environment.epoch() for _, environment in subject.environments()}
    old = 0
    for _, environment in subject.environments():
        old += sum(each.epoch < max(epochs) for each in await environment.prepared())
    if old:
        message = f"{old} transactions are prepared on one side and undecided since an earlier start."
        return [warning(code, message, "Start the program again (dualwrite up): it settles what a dead process left.")]
    return [passed(code, "Nothing is left undecided.")]


async def _owning_teams(subject: Subject) -> Checks:
    code = HealthCode.OWNING_TEAM
    teams = {
        row["teamid"] for row in (await subject.pair.dataverse.read(RowQuery(TEAM_TABLE, columns=("teamid",)))).rows
    }
    findings: list[Check] = []
    default = None if subject.link is None else subject.link.owning_team
    if default is not None and default not in teams:
        message = f"The default owning team {default} is not there any more: rows without a company are refused."
        findings.append(failed(code, message, "Choose another one: dualwrite link owning-team set TEAM"))
    for name, team in (await subject.store.owning_teams.by_map(subject.connection)).items():
        if team not in teams:
            message = f"The owning team {team} of {name} is not there any more: its new rows are refused."
            remedy = f"Choose another one: dualwrite link owning-team set TEAM --map {name!r}"
            findings.append(failed(code, message, remedy))
    companies = (await subject.pair.dataverse.read(RowQuery(COMPANY_TABLE, columns=(COMPANY_CODE, OWNING_TEAM)))).rows
    without = sorted(str(row[COMPANY_CODE]) for row in companies if row[OWNING_TEAM] not in teams)
    if without:
        remedy = "Choose one: dualwrite link owning-team set TEAM --legal-entity ID"
        findings.append(warning(code, f"Companies without an owning team: {few(without)}.", remedy))
    return findings or [passed(code, "All are there.")]


async def _pending_copies(subject: Subject) -> Checks:
    code = HealthCode.PENDING_COPIES
    pending = await subject.store.pending_copies.list(subject.connection)
    if pending:
        entities = sorted({each.legal_entity for each in pending})
        maps = sorted({each.map for each in pending})
        message = f"{few(maps)}: the rows of {few(entities)} have still to be copied."
        remedy = "Resume the maps that are paused, then: dualwrite link legal-entities copy"
        return [warning(code, message, remedy)]
    return [passed(code, "Nothing is to be copied.")]


async def _left_in_queue(subject: Subject) -> Checks:
    code = HealthCode.LEFT_IN_QUEUE
    known = {each.name for each in await subject.store.maps.list(subject.connection)}
    found = [each for _, environment in subject.environments() for each in await environment.queue_counts()]
    left = [each for each in found if each.map not in known]
    if left:
        count = sum(each.records for each in left)
        message = (
            f"{count} queued records belong to maps that the link does not have: {few([each.map for each in left])}."
        )
        return [warning(code, message, "They are never replayed. Unlinking does away with them.")]
    return [passed(code, "None does.")]


_LOOKS: Final[Sequence[Callable[[Subject], Awaitable[Checks]]]] = (
    _versions,
    _tenant,
    _pipeline,
    _application_user,
    _solutions,
    _conflicting,
    _legal_entities,
    _companies,
    _connection,
    _in_step,
    _owning_teams,
    _pending_copies,
    _left_in_queue,
)


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except MapRefused:
        return Version(0)
