"""What an operator may set: one documented, validated value per knob, read from ``DUALWRITE_…`` variables.

There is no instance in this module; the composition root reads the settings once and hands out what each part needs.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dualwrite.errors import SettingsRefused

PREFIX = "DUALWRITE_"
_SECRET_FIELDS = frozenset({"database_url", "smtp_password"})

Port = Annotated[int, Field(ge=0, le=65535)]


class LogLevel(Enum):
    """How much the program says."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    """How what the program says is written."""

    TEXT = "text"
    JSON = "json"


class MailSecurity(Enum):
    """How the connection to a mail server is protected."""

    STARTTLS = "starttls"
    """Plain at first, then encrypted before anything is said that matters."""
    TLS = "tls"
    """Encrypted from the first byte."""
    NONE = "none"


class WhenFull(Enum):
    """What happens to a paused map whose queue has reached a limit."""

    BLOCK = "block"
    STOP = "stop"


class Settings(BaseSettings):
    """Every setting of the program. Each field's variable is its name in capitals behind ``DUALWRITE_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )

    data_folder: Path = Path("data")
    """Where the embedded database, the key file and the local administrator's credentials live; made when missing."""

    database_url: str | None = Field(default=None, repr=False)
    """A PostgreSQL server (15 or newer) as ``postgresql://user:password@host:port/postgres``; unset starts the embedded
    one under the data folder. The server needs ``max_prepared_transactions`` above zero, the user the right to
    create databases."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """The address that the three services listen on."""

    admin_port: Port = 8000
    """Port of the console, the admin API and the token endpoint; 0 takes a free one."""

    finops_port: Port = 8001
    """Port of the hosted finance and operations environment; 0 takes a free one."""

    dataverse_port: Port = 8002
    """Port of the hosted Dataverse environment; 0 takes a free one."""

    finops_page_rows: int = Field(default=10_000, ge=1, le=100_000)
    """Most rows that the finance and operations environment returns at once before it gives a next link."""

    dataverse_page_rows: int = Field(default=5_000, ge=1, le=100_000)
    """Most rows that the Dataverse environment returns at once before it gives a next link."""

    transaction_records: int = Field(default=1_000, ge=1, le=100_000)
    """Most records that one transaction may carry to the other side; a larger one is refused."""

    transaction_seconds: float = Field(default=120, gt=0, le=3600)
    """Longest time in seconds that one transaction may take on both sides together; a longer one is refused."""

    source_lock_wait_ms: int = Field(default=5_000, ge=1, le=600_000)
    """Longest wait in milliseconds for a row that somebody else is changing in the environment written first."""

    target_lock_wait_ms: int = Field(default=30, ge=2, le=600_000)
    """Wait in milliseconds for a row in the other environment, give or take a half. Short, because the source's rows
    stay locked meanwhile: two users who edit the two halves of one record end their deadlock this way; whoever gave
    way then takes turns with the others."""

    contention_seconds: float = Field(default=30, gt=0, le=3600)
    """How long in seconds a request is retried after lock waits ran out, before the caller is told of the conflict."""

    answer_seconds: float = Field(default=0.5, ge=0.05, le=60)
    """How long in seconds an environment may take to answer a question that costs nothing. One that takes longer counts
    as away: saves that need it are refused at once, until it answers in time again."""

    worker_concurrency: int = Field(default=2, ge=1, le=64)
    """Batches of an initial sync that one process carries out at the same time. The setting of whoever started
    ``dualwrite up`` or ``dualwrite worker`` last holds for all processes."""

    environment_concurrency: int = Field(default=8, ge=1, le=1_000)
    """Batches of an initial sync that all processes together carry out at the same time in one target environment; as
    above, the last one started says so for all."""

    environment_partitions_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    """Partitions of an initial sync that all processes together begin per minute in one target environment, unset as
    many as there is time for; as above, the last one started says so for all."""

    partition_rows: int = Field(default=50_000, ge=10, le=1_000_000)
    """Most rows of one partition of an initial sync: what a worker holds in memory and writes in one transaction."""

    worker_grace_seconds: float = Field(default=20, ge=0, le=3600)
    """How long in seconds a process that is told to stop lets the partitions under way come to their end. What takes
    longer is rolled back and done again by whoever takes over."""

    token_seconds: int = Field(default=3_600, ge=60, le=86_400)
    """Lifetime in seconds of an access token."""

    finops_application: str = Field(default="10.0.2177.0", min_length=1)
    """Version of finance and operations that maps of imported solutions are checked against."""

    queue_days: float = Field(default=7, gt=0, le=365)
    """How long in days a change may wait for a paused map before ``queue_policy`` applies."""

    queue_gibibytes: float = Field(default=1, gt=0, le=1_024)
    """How much in GiB may wait for a paused map, on both sides together, before ``queue_policy`` applies."""

    queue_policy: WhenFull = WhenFull.BLOCK
    """What happens to a paused map whose queue has reached a limit. ``block``: saves through it are refused until it is
    resumed or stopped. ``stop``: it is stopped, and what waits becomes catch-up errors."""

    activity_days: int = Field(default=90, ge=1, le=3_650)
    """How many days the activity log is kept, and alerts that are over."""

    error_days: int = Field(default=30, ge=1, le=3_650)
    """How many days errors are kept, settled or not. The activity log tells how many were still open when they went."""

    smtp_host: str | None = Field(default=None, min_length=1)
    """The mail server that takes the e-mails of alerts; without one no e-mail leaves."""

    smtp_port: Port = 587
    """Port of the mail server: usually 587 with starttls, 465 with tls, 25 with none."""

    smtp_security: MailSecurity = MailSecurity.STARTTLS
    """How the connection to the mail server is protected: starttls, tls (from the first byte) or none."""

    smtp_user: str | None = Field(default=None, min_length=1)
    """Who signs in at the mail server; unset signs in nobody."""

    smtp_password: str | None = Field(default=None, repr=False)
    """The password that belongs to it."""

    smtp_from: str = Field(default="dualwrite@localhost", pattern=r"^[^\s@<>]+@[^\s@<>]+$")
    """The address that the e-mails of alerts come from."""

    smtp_ca_file: Path | None = None
    """A file with the certificates of who vouches for the mail server, unset those that this machine trusts."""

    crash_at: str | None = Field(default=None, min_length=1)
    """Name of the crash point at which the process kills itself: for recovery drills, never in production."""

    log_level: LogLevel = LogLevel.INFO
    """How much the program says: debug, info, warning or error."""

    log_format: LogFormat = LogFormat.TEXT
    """How what the program says is written: text for people, json for machines, one object a line."""

    otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://")
    """Where traces are sent, an OpenTelemetry collector's address for OTLP over HTTP such as
    ``http://localhost:4318``; unset, nothing is traced."""

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Settings from the environment's variables; ``overrides`` that are not None win.

        Raises: SettingsRefused, which names every variable that is wrong and why.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls.model_validate(cls(**given))  # type: ignore[arg-type]
        except ValidationError as refused:
            problems = [_problem(error) for error in refused.errors(include_url=False, include_context=False)]
            raise SettingsRefused("These settings cannot work: " + "; ".join(problems), problems=problems) from None

    @field_validator("data_folder")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        folder = folder.expanduser().absolute()
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
        return folder

    @field_validator("database_url")
    @classmethod
    def _postgresql_url(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).scheme not in {"postgresql", "postgres"}:
            raise ValueError("PostgreSQL is the only database: give a URL that starts with postgresql://")
        return url

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _any_case(cls, word: object) -> object:
        return word.lower() if isinstance(word, str) else word

    @model_validator(mode="after")
    def _distinct_ports(self) -> Self:
        ports = [port for port in (self.admin_port, self.finops_port, self.dataverse_port) if port]
        if len(set(ports)) < len(ports):
            raise ValueError("admin_port, finops_port and dataverse_port must differ from each other")
        return self


def _problem(error: object) -> str:
    """One finding of the validator in words, with the value unless it may hold a password."""
    assert isinstance(error, dict)
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    variable = PREFIX + name.upper()
    if error["type"] == "extra_forbidden":
        return f"{variable}: there is no such setting"
    shown = "" if name in _SECRET_FIELDS else f" (given: {error['input']!r})"
    return f"{variable}: {message}{shown}"
