"""One call of the command line: where its data folder is, which settings hold, how it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from dualwrite.cli.output import Output
from dualwrite.errors import SettingsRefused
from dualwrite.security.local_administrator import read_local_administrator
from dualwrite.settings import Settings

if TYPE_CHECKING:
    from dualwrite.cli.api import Api
    from dualwrite.composition.house import House

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the options before the command say."""

    data_folder: Path | None
    output: Output
    url: str | None = None
    """The program that is called over its API; None: the house of the data folder is opened instead."""
    token: str | None = field(default=None, repr=False)

    def settings(self, **overrides: object) -> Settings:
        """Raises: SettingsRefused."""
        return Settings.load(data_folder=self.data_folder, **overrides)

    def over_api(self, action: Callable[[Api], Coroutine[Any, Any, T]]) -> T:
        """``action`` is done by the program at ``url``. Raises: what that program refuses."""
        from dualwrite.cli.api import calling

        assert self.url is not None
        url, settings = self.url, self.settings()

        async def run() -> T:
            async with calling(url, token=self.token, settings=settings) as api:
                return await action(api)

        return asyncio.run(run())

    def in_house(self, action: Callable[[House], Coroutine[Any, Any, T]]) -> T:
        """``action`` is done in the house, be it served by another process at the same time or not.

        Raises: SettingsRefused, where nothing has ever been started: a mistyped folder is not to become a new house;
        and for a command that does not work over the API.
        """
        if self.url is not None:
            raise SettingsRefused(
                "This command works in the data folder only: leave --url and DUALWRITE_URL away, and name the folder "
                "with --data-folder."
            )
        # Commands that only call the services answer at once, because they need not load the engine.
        from dualwrite.cli.logs import log_to_standard_error
        from dualwrite.composition.house import open_house

        settings = self.settings()
        log_to_standard_error(settings.log_level, settings.log_format)
        read_local_administrator(settings.data_folder)

        async def run() -> T:
            async with open_house(settings) as house:
                return await action(house)

        return asyncio.run(run())


def invocation(context: typer.Context) -> Invocation:
    """The call that a command belongs to."""
    found = context.find_object(Invocation)
    assert found is not None
    return found
