"""The versions of maps: saving, activating and deleting them. A version never changes; a map changes by another one."""

from __future__ import annotations

from dataclasses import dataclass

from dualwrite.errors import NotAllowed, NotFound
from dualwrite.lifecycle.transitions import Action, allowed_from
from dualwrite.maps.edit import next_version
from dualwrite.maps.stamp import stamped
from dualwrite.maps.text import parse_map
from dualwrite.maps.values import MapVersion, Version
from dualwrite.store.database import Repositories, Store
from dualwrite.store.maps import MapState, TableMap
from dualwrite.store.maps import MapVersion as StoredVersion
from dualwrite.sync.stored_router import StoredRouter


@dataclass(frozen=True, slots=True)
class SavedVersion:
    """A stored version with what its document says."""

    stored: StoredVersion
    says: MapVersion

    @classmethod
    def read(cls, stored: StoredVersion) -> SavedVersion:
        return cls(stored, parse_map(stored.document, file=stored.name))


class MapVersions:
    """The versions of one connection's maps.

    Every action is one transaction with its entry in the activity log; several processes may act.
    """

    def __init__(self, store: Store, connection: str, router: StoredRouter, *, who: str) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._who = who

    async def get(self, name: str, version: str | None = None) -> SavedVersion:
        """One version of a map, the active one unless named. Raises: NotAllowed when there is none."""
        stored = await self._store.maps.version(self._connection, name, version=version)
        if stored is not None:
            return SavedVersion.read(stored)
        numbers = ", ".join(each.version for each in await self._store.maps.versions(self._connection, name))
        if not numbers:
            raise NotFound(f"There is no map {name!r}. List the maps: dualwrite maps list", map=name)
        raise NotFound(f"{name} has no version {version}; it has {numbers}.", map=name, version=version)

    async def proposal(self, name: str) -> Version:
        """The number that the next version of the map may have."""
        stored = await self._store.maps.versions(self._connection, name)
        return next_version(Version.parse(each.version) for each in stored)

    async def check_changeable(self, name: str) -> None:
        """The map may be changed now. Raises: NotAllowed, which says what stands in the way."""
        _check_idle(await self._store.maps.get(self._connection, name), name, doing="change")

    async def save(
        self, version: MapVersion, *, text: str, base: StoredVersion | None = None, activate: bool = False
    ) -> SavedVersion:
        """``version``, as ``text`` spells it, is stored; it is active when it is the map's first or ``activate``.

        ``base`` is the version it was made from: what a published file said about that holds on. Idempotency: by
        name, version and content. After failure: nothing is stored.

        Raises: NotAllowed while the map runs, for a number that is taken, and for a change of a managed version
        under its own publisher.
        """
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            known = await repositories.maps.get(self._connection, version.name)
            _check_idle(known, version.name, doing="change")
            _check_publisher(version, base)
            saved = await save_version(
                repositories, self._connection, version, text=text, base=base, who=self._who, what="save version"
            )
            if activate and known is not None and known.active_version != saved.stored.version:
                await activate_version(repositories, self._connection, saved.stored, known=known, who=self._who)
        if activate:
            await self._router.renew()
        return saved

    async def activate(self, name: str, version: str) -> TableMap:
        """``version`` is the active one. Idempotent. Raises: NotAllowed while the map runs, or without that version."""
        saved = await self.get(name, version)
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            known = await repositories.maps.get(self._connection, name)
            if known is None:
                raise NotAllowed(f"{name} is only in the library; apply its solution first.", map=name)
            if known.active_version == saved.stored.version:
                return known
            active = await activate_version(repositories, self._connection, saved.stored, known=known, who=self._who)
        await self._router.renew()
        return active

    async def delete(self, name: str, version: str | None = None) -> tuple[str, ...]:
        """The version is gone, or the map with all its versions; gives their numbers.

        Raises: NotAllowed for managed versions, the active version, or a map that runs.
        """
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            known = await repositories.maps.get(self._connection, name)
            _check_idle(known, name, doing="be deleted")
            stored = await repositories.maps.versions(self._connection, name)
            doomed = [each for each in stored if version is None or each.version == version]
            _check_deletable(name, doomed, version=version, active=None if known is None else known.active_version)
            numbers = tuple(each.version for each in doomed)
            if version is None:
                await repositories.maps.remove_map(self._connection, name)
            else:
                await repositories.maps.delete_versions(self._connection, name, numbers)
            await repositories.activity.record(
                "delete version", who=self._who, result="completed", map=name, details={"versions": numbers}
            )
        if version is None:
            await self._router.renew()
        return numbers


# --- inside a transaction -------------------------------------------------------------------------------------------


async def save_version(
    repositories: Repositories,
    connection: str,
    version: MapVersion,
    *,
    text: str,
    base: StoredVersion | None,
    who: str,
    what: str,
) -> SavedVersion:
    """The version is stored; nothing happens when it is already. Raises: NotAllowed for a number that is taken."""
    name, number = version.name, str(version.version)
    stored = await repositories.maps.version(connection, name, version=number)
    if stored is not None:
        if SavedVersion.read(stored).says == version:
            return SavedVersion(stored, version)
        taken = await repositories.maps.versions(connection, name)
        free = next_version(Version.parse(each.version) for each in taken)
        raise NotAllowed(
            f"{name} {number} exists with other content, and a version never changes. Save it as {free}.",
            map=name,
            version=number,
            next=str(free),
        )
    stored = await repositories.maps.save_version(
        connection,
        name,
        version=number,
        publisher=version.publisher,
        document=text,
        created_by=who,
        source=None if base is None else base.source,
    )
    details = {"version": number, "publisher": version.publisher, "from": None if base is None else base.version}
    await repositories.activity.record(what, who=who, result="completed", map=name, details=details)
    return SavedVersion(stored, version)


async def activate_version(
    repositories: Repositories, connection: str, stored: StoredVersion, *, known: TableMap, who: str
) -> TableMap:
    """The version is active. Raises: NotAllowed unless the state machine lets the map change."""
    _check_idle(known, stored.name, doing=f"change to version {stored.version}")
    active = await repositories.maps.activate(
        connection, stored.name, stored.version, expected=allowed_from(Action.CHANGE)
    )
    details = {"version": stored.version, "was": known.active_version}
    await repositories.activity.record(
        "activate version", who=who, result="completed", map=stored.name, details=details
    )
    return active


def text_of(text: str, version: MapVersion) -> str:
    """``text`` with the name, number and publisher of ``version``; comments and layout stay."""
    return stamped(text, name=version.name, version=version.version, publisher=version.publisher)


def _check_idle(known: TableMap | None, name: str, *, doing: str) -> None:
    if known is not None and known.state not in allowed_from(Action.CHANGE):
        states = " or ".join(state.value for state in MapState if state in allowed_from(Action.CHANGE))
        raise NotAllowed(
            f"{name} is {known.state.value} and cannot {doing}; that is allowed for a map that is {states}. "
            f"Stop it first: dualwrite maps stop {name!r}",
            map=name,
            state=known.state.value,
        )


def _check_publisher(version: MapVersion, base: StoredVersion | None) -> None:
    if base is not None and base.managed and base.publisher.casefold() == version.publisher.strip().casefold():
        raise NotAllowed(
            f"{base.name} {base.version} is managed by the solution {base.solution}, and only {base.publisher} "
            "publishes new versions of it. Save the changed version under a publisher of your own: --publisher NAME",
            map=base.name,
            version=base.version,
        )


def _check_deletable(name: str, doomed: list[StoredVersion], *, version: str | None, active: str | None) -> None:
    if not doomed:
        raise NotAllowed(f"{name} has no version {version}." if version else f"There is no map {name}.", map=name)
    managed = [each for each in doomed if each.managed]
    if managed:
        numbers = ", ".join(each.version for each in managed)
        raise NotAllowed(
            f"{name} {numbers} is managed and goes with its solution: dualwrite solutions uninstall "
            f"{managed[0].solution}",
            map=name,
        )
    if version is not None and version == active:
        raise NotAllowed(
            f"{name} {version} is the active version. Activate another one first: dualwrite maps activate {name!r} "
            "VERSION; or delete the whole map by leaving --version away.",
            map=name,
            version=version,
        )
