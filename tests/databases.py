"""Databases for tests: cloned from templates, since creating every table of the catalog takes seconds."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass

import psycopg
from psycopg import sql

from dualwrite.database.server import Server, drop_database, ensure_database
from dualwrite.environments.hosted.definitions import create_bookkeeping, migrate
from dualwrite.metadata.schema import EnvironmentSchema

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Databases:
    """Connection strings of the two halves of a link."""

    finops: str
    dataverse: str


def create_environment(conninfo: str, schema: EnvironmentSchema) -> None:
    """The database at ``conninfo`` is that of a hosted environment with the tables of ``schema``."""
    create_bookkeeping(conninfo)
    migrate(conninfo, schema.side, schema, who="tests")


class Cloning:
    """Databases made from others, page by page: a hundred times quicker than creating every table."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._created: list[str] = []

    def create(self, purpose: str) -> str:
        """An empty database; its name."""
        name = self._name(purpose)
        ensure_database(self._server, name)
        return name

    def clone(self, template: str, purpose: str) -> str:
        """A copy of ``template``, which nobody may be using; its name."""
        name = self._name(purpose)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        drop_database(self._server, name)
        self._created.remove(name)

    def drop_all(self) -> None:
        for name in list(self._created):
            self.drop(name)

    def _name(self, purpose: str) -> str:
        name = f"test_{os.getpid()}_copy{next(_numbers)}_{purpose}"
        self._created.append(name)
        return name
