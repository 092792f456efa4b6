"""Maps under version control: a connection's maps to a folder of files and back, planned first, then all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import assert_never

from dualwrite.errors import NotAllowed
from dualwrite.lifecycle.folder_files import file_names, read_folder, write_folder
from dualwrite.lifecycle.folder_plan import (
    Activate,
    ChangeKey,
    FolderPlan,
    Present,
    PresentMap,
    SaveVersion,
    Step,
    Wanted,
    plan_folder,
)
from dualwrite.lifecycle.versions import SavedVersion, activate_version, save_version
from dualwrite.maps.values import Version
from dualwrite.store.database import Repositories, Store
from dualwrite.sync.stored_router import StoredRouter


class MapFolder:
    """The maps of one connection, as files and back."""

    def __init__(self, store: Store, connection: str, router: StoredRouter, *, who: str) -> None:
        self._store = store
        self._connection = connection
        self._router = router
        self._who = who

    async def export(self, folder: Path, names: Sequence[str]) -> tuple[str, ...]:
        """The active versions of the maps ``names`` are in ``folder``; gives the files that changed.

        Idempotency: exporting again changes no file. Raises: MapRefused for a file that is there and cannot be read.
        """
        wanted = frozenset(names)
        stored = await self._store.maps.active_versions(self._connection)
        saved = {each.name: SavedVersion.read(each) for each in stored if each.name in wanted}
        tables = {each.says.dataverse_table for each in saved.values()}
        keys = {
            each.dataverse_table: each.columns for each in await self._store.integration_keys.list(self._connection)
        }
        return write_folder(
            folder,
            {name: (each.says, each.stored.document) for name, each in saved.items()},
            names=file_names(each.name for each in stored),
            keys={table: columns for table, columns in keys.items() if table in tables},
        )

    async def plan(self, folder: Path, *, maps_only: bool = False) -> FolderPlan:
        """What :meth:`apply` would do now. Nothing is changed. Raises: MapRefused, naming file and line."""
        async with self._store.transaction() as repositories:
            return await self._plan(repositories, read_folder(folder, maps_only=maps_only))

    async def apply(self, folder: Path, *, maps_only: bool = False) -> FolderPlan:
        """The connection is as the folder says; gives what that took. ``maps_only`` saves versions, activates nothing.

        Atomicity: one transaction. Idempotency: applying again finds nothing to do. After failure: nothing changed.

        Raises: MapRefused, naming file and line; NotAllowed with every conflict.
        """
        wanted = read_folder(folder, maps_only=maps_only)
        async with self._store.transaction() as repositories:
            await repositories.maps.lock(self._connection)
            plan = await self._plan(repositories, wanted)
            refuse_conflicts(plan)
            for step in plan.steps:
                await self._carry_out(repositories, step)
        if any(not isinstance(step, SaveVersion) for step in plan.steps):
            await self._router.renew()
        return plan

    async def _plan(self, repositories: Repositories, wanted: Wanted) -> FolderPlan:
        names = {each.version.name for each in wanted.maps} | set(wanted.active)
        await self._router.compiled.refresh()
        present = await self._present(repositories, names, all_maps=bool(wanted.active or wanted.keys))
        _, dataverse = self._router.compiled.schemas
        return plan_folder(wanted, present, dataverse=dataverse)

    async def _present(self, repositories: Repositories, names: Collection[str], *, all_maps: bool) -> Present:
        """The maps named, and all others with their active version where keys are spoken of."""
        maps: dict[str, PresentMap] = {}
        active = {each.name: each for each in await repositories.maps.active_versions(self._connection)}
        for each in await repositories.maps.list(self._connection):
            if each.name not in names and not all_maps:
                continue
            stored = [active[each.name]]
            if each.name in names:
                stored = list(await repositories.maps.versions(self._connection, each.name))
            saved = [SavedVersion.read(version) for version in stored]
            maps[each.name] = PresentMap(
                each.state, Version.parse(each.active_version), {one.says.version: one.says for one in saved}
            )
        keys = await repositories.integration_keys.list(self._connection)
        return Present(maps, {each.dataverse_table: each.columns for each in keys})

    async def _carry_out(self, repositories: Repositories, step: Step) -> None:
        match step:
            case SaveVersion(file, _):
                await save_version(
                    repositories,
                    self._connection,
                    file.version,
                    text=file.text,
                    base=None,
                    who=self._who,
                    what="save version",
                )
            case Activate(name, _, version):
                stored = await repositories.maps.version(self._connection, name, version=str(version))
                known = await repositories.maps.get(self._connection, name)
                assert stored is not None
                assert known is not None
                await activate_version(repositories, self._connection, stored, known=known, who=self._who)
            case ChangeKey(table, was, columns):
                await self._change_key(repositories, table, was=was, columns=columns)
            case _:
                assert_never(step)

    async def _change_key(
        self, repositories: Repositories, table: str, *, was: tuple[str, ...] | None, columns: tuple[str, ...] | None
    ) -> None:
        if columns is None:
            await repositories.integration_keys.remove(self._connection, table)
        else:
            await repositories.integration_keys.set(self._connection, table, columns=columns, set_by=self._who)
        await repositories.activity.record(
            "reset key" if columns is None else "set key",
            who=self._who,
            result="completed",
            details={"table": table, "columns": columns, "was": was},
        )


def refuse_conflicts(plan: FolderPlan) -> None:
    """Nothing happens without conflicts. Raises: NotAllowed with all of them."""
    if plan.conflicts:
        lines = [f"  {each.place}: {each.message}" for each in plan.conflicts]
        raise NotAllowed(
            "\n".join(["Nothing was changed, because of:", *lines]),
            conflicts=[{"place": each.place, "message": each.message} for each in plan.conflicts],
        )
