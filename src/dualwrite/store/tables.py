"""The tables of dual-write's own database as the current code sees them.

The migrations create them; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    cast,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

VERSION_PATTERN = r"^\d+\.\d+\.\d+\.\d+$"


def by_number(version: ColumnElement[str]) -> ColumnElement[object]:
    """What to order versions by, so that 1.0.0.10 comes after 1.0.0.9."""
    return cast(func.string_to_array(version, "."), ARRAY(BigInteger))


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


environment = Table(
    "environment",
    metadata,
    Column("name", Text, primary_key=True),
    Column("side", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("database", Text),
    Column("url", Text, nullable=False),
    _now("created_at"),
    CheckConstraint("side IN ('finops', 'dataverse')", "side"),
    CheckConstraint("kind IN ('hosted', 'remote')", "kind"),
)

connection = Table(
    "connection",
    metadata,
    Column("name", Text, primary_key=True),
    Column("finops_environment", Text, ForeignKey("environment.name"), nullable=False),
    Column("dataverse_environment", Text, ForeignKey("environment.name"), nullable=False),
    Column("primary_side", Text, nullable=False),
    _now("created_at"),
    Column("state", Text, nullable=False, server_default="linked"),
    Column("owning_team", Uuid),
    Column("reset_at", DateTime(timezone=True)),
    UniqueConstraint("finops_environment", "dataverse_environment"),
    CheckConstraint("primary_side IN ('finops', 'dataverse')", "primary_side"),
    CheckConstraint("state IN ('linked', 'resetting', 'unlinking')", "state"),
)

connection_company = Table(
    "connection_company",
    metadata,
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True),
    Column("legal_entity", Text, primary_key=True),
    Column("company_code", Text, nullable=False),
    _now("created_at"),
    UniqueConstraint("connection", "company_code"),
)

solution = Table(
    "solution",
    metadata,
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True),
    Column("unique_name", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("managed", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    _now("imported_at"),
    Column("applied_at", DateTime(timezone=True)),
    CheckConstraint(f"version ~ '{VERSION_PATTERN}'", "version"),
    CheckConstraint("state IN ('imported', 'applied')", "state"),
    CheckConstraint("(state = 'applied') = (applied_at IS NOT NULL)", "applied"),
)

map_version = Table(
    "map_version",
    metadata,
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("publisher", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("managed", Boolean, nullable=False),
    Column("solution", Text),
    Column("source", JSONB),
    Column("created_by", Text, nullable=False),
    _now("created_at"),
    CheckConstraint(f"version ~ '{VERSION_PATTERN}'", "version"),
)

solution_map = Table(
    "solution_map",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("solution", Text, primary_key=True),
    Column("map", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    ForeignKeyConstraint(
        ["connection", "solution"], ["solution.connection", "solution.unique_name"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["connection", "map", "version"],
        ["map_version.connection", "map_version.name", "map_version.version"],
        ondelete="CASCADE",
    ),
    Index(None, "connection", "map", "version"),
)

integration_key = Table(
    "integration_key",
    metadata,
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True),
    Column("dataverse_table", Text, primary_key=True),
    Column("columns", ARRAY(Text), nullable=False),
    Column("set_by", Text, nullable=False),
    _now("set_at"),
    CheckConstraint("cardinality(columns) > 0", "columns"),
)

table_map = Table(
    "table_map",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("active_version", Text, nullable=False),
    Column(
        "state",
        Text,
        nullable=False,
    ),
    Column("position", Integer, nullable=False),
    Column("held", Boolean, nullable=False, server_default="false"),
    Column("blocked", Text, nullable=False, server_default=""),
    _now("changed_at"),
    ForeignKeyConstraint(
        ["connection", "name", "active_version"],
        ["map_version.connection", "map_version.name", "map_version.version"],
        ondelete="CASCADE",
    ),
    CheckConstraint("state IN ('not running', 'initializing', 'running', 'paused', 'resuming')", "state"),
)

initial_sync_run = Table(
    "initial_sync_run",
    metadata,
    Column("run", Uuid, primary_key=True),
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    Column("on_refusals", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    _now("started_at"),
    Column("created_before", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("message", Text, nullable=False, server_default=""),
    Column("parent", Uuid, ForeignKey("initial_sync_run.run", ondelete="CASCADE")),
    Column("root", Uuid, nullable=False),
    Column("rerun", Text),
    Column("outcomes_kept", Boolean, nullable=False, server_default="true"),
    CheckConstraint(
        "state IN ('planned', 'running', 'pausing', 'paused', 'awaiting decision', 'completed', 'with refusals', "
        "'failed', 'cancelling', 'cancelled')",
        "state",
    ),
    CheckConstraint("(finished_at IS NOT NULL) = (state IN ('completed', 'with refusals', 'cancelled'))", "finished"),
    CheckConstraint("on_refusals IN ('go live', 'wait')", "on_refusals"),
    CheckConstraint("rerun IN ('failed', 'all', 'without failed')", "rerun"),
    CheckConstraint("(parent IS NULL) = (rerun IS NULL)", "parent"),
    Index(None, "connection", "started_at"),
    Index(None, "root"),
)

initial_sync_map = Table(
    "initial_sync_map",
    metadata,
    Column("run", Uuid, ForeignKey("initial_sync_run.run", ondelete="CASCADE"), primary_key=True),
    Column("map", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("master", Text, nullable=False),
    Column("legal_entities", ARRAY(Text)),
    Column("enabled", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("was_running", Boolean, nullable=False),
    CheckConstraint("master IN ('finops', 'dataverse')", "master"),
    CheckConstraint("state IN ('copying', 'finished', 'cancelled')", "state"),
)

initial_sync_partition = Table(
    "initial_sync_partition",
    metadata,
    Column("run", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("wave", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("map", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("companies", ARRAY(Text)),
    Column("first_id", Text),
    Column("last_id", Text),
    Column("ids", ARRAY(Text)),
    Column("by_ids", Boolean, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("open_tables", ARRAY(Text), nullable=False),
    Column("second_pass_of", Integer),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("left_open", ARRAY(Text), nullable=False, server_default="{}"),
    Column("whole", Boolean, nullable=False, server_default="false"),
    ForeignKeyConstraint(["run", "map"], ["initial_sync_map.run", "initial_sync_map.map"], ondelete="CASCADE"),
    UniqueConstraint("run", "second_pass_of"),
    CheckConstraint("direction IN ('to Dataverse', 'to finance and operations')", "direction"),
    CheckConstraint("state IN ('pending', 'running', 'done', 'failed')", "state"),
    CheckConstraint("(finished_at IS NOT NULL) = (state = 'done')", "finished"),
    CheckConstraint("(ids IS NOT NULL) = by_ids", "ids"),
)

Index(
    "ix_initial_sync_partition_to_do",
    initial_sync_partition.c.run,
    initial_sync_partition.c.wave,
    postgresql_where=initial_sync_partition.c.state != "done",
)

initial_sync_count = Table(
    "initial_sync_count",
    metadata,
    Column("run", Uuid, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("legal_entity", Text, primary_key=True),
    Column("read", BigInteger, nullable=False),
    Column("inserted", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("equal", BigInteger, nullable=False),
    Column("filtered", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("conflicts", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["run", "partition"], ["initial_sync_partition.run", "initial_sync_partition.number"], ondelete="CASCADE"
    ),
    CheckConstraint("read = inserted + updated + equal + filtered + refused", "sum"),
)

refused_row = Table(
    "refused_row",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("run", Uuid, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("map", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("legal_entity", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    _now("at"),
    Column("settled_by", Uuid, ForeignKey("initial_sync_run.run", ondelete="SET NULL")),
    Column("whole", Boolean, nullable=False, server_default="false"),
    ForeignKeyConstraint(
        ["run", "partition"], ["initial_sync_partition.run", "initial_sync_partition.number"], ondelete="CASCADE"
    ),
    Index(None, "run", "partition"),
    Index(None, "run", "map", "legal_entity", "code"),
)
Index(
    "ix_refused_row_open",
    refused_row.c.map,
    refused_row.c.direction,
    refused_row.c.run,
    postgresql_where=refused_row.c.settled_by.is_(None),
)
Index(
    "ix_refused_row_unfinished",
    refused_row.c.map,
    postgresql_where=refused_row.c.settled_by.is_(None) & refused_row.c.whole,
)

file_import = Table(
    "file_import",
    metadata,
    Column("import", BigInteger, Identity(always=True), primary_key=True),
    Column("side", Text, nullable=False),
    Column("files", ARRAY(Text), nullable=False),
    Column("started_by", Text, nullable=False),
    _now("started_at"),
    Column("finished_at", DateTime(timezone=True)),
    Column("read", BigInteger, nullable=False, server_default="0"),
    Column("created", BigInteger, nullable=False, server_default="0"),
    Column("updated", BigInteger, nullable=False, server_default="0"),
    Column("unchanged", BigInteger, nullable=False, server_default="0"),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Column("rerun_of", BigInteger, ForeignKey("file_import.import", ondelete="SET NULL")),
    CheckConstraint("side IN ('finops', 'dataverse')", "side"),
    CheckConstraint("read = created + updated + unchanged + refused", "sum"),
)

refused_file_record = Table(
    "refused_file_record",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("import", BigInteger, ForeignKey("file_import.import", ondelete="CASCADE"), nullable=False),
    Column("file", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("legal_entity", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("row", JSONB, nullable=False),
    Column("settled_by", BigInteger, ForeignKey("file_import.import", ondelete="SET NULL")),
    Index(None, "import", "entity", "line"),
)

activity = Table(
    "activity",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("map", Text),
    Column("result", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("severity", Text, nullable=False, server_default="info"),
    Column("legal_entity", Text),
    CheckConstraint("severity IN ('info', 'warning', 'error')", "severity"),
    Index(None, "at"),
)
Index(
    "ix_activity_terms",
    func.activity_terms(
        activity.c.id,
        activity.c.who,
        activity.c.what,
        activity.c.map,
        activity.c.severity,
        activity.c.legal_entity,
        activity.c.result,
    ),
    postgresql_using="gin",
    postgresql_with={"fastupdate": "off"},
)

client = Table(
    "client",
    metadata,
    Column("client_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("secret_hash", Text, nullable=False),
    Column("tenant", Uuid, nullable=False),
    Column("environment", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("default_company", Text),
    Column("user_id", Uuid, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    _now("created_at"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("private_material", LargeBinary, nullable=False),
    _now("created_at"),
    Column("retired_at", DateTime(timezone=True)),
)

catch_up = Table(
    "catch_up",
    metadata,
    Column("run", Uuid, primary_key=True),
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
    Column("maps", ARRAY(Text), nullable=False),
    Column("option", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("queued", BigInteger, nullable=False, server_default="0"),
    Column("applied", BigInteger, nullable=False, server_default="0"),
    Column("conflicts", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    Column("kept", BigInteger, nullable=False, server_default="0"),
    Column("discarded", BigInteger, nullable=False, server_default="0"),
    Column("started_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("finished_at", DateTime(timezone=True)),
    Column("message", Text, nullable=False, server_default=""),
    CheckConstraint("option IN ('replay', 'keep', 'discard')", "option"),
    CheckConstraint("state IN ('replaying', 'handing over', 'completed', 'failed', 'stopped')", "state"),
    CheckConstraint("(finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'stopped'))", "finished"),
    Index(None, "connection", "started_at"),
)

sync_error = Table(
    "sync_error",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
    Column("change", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("map", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("legal_entity", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    Column("changed", ARRAY(Text)),
    Column("version", BigInteger),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("state", Text, nullable=False, server_default="open"),
    Column("settled_at", DateTime(timezone=True)),
    Column("settled_by", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_attempt_at", DateTime(timezone=True)),
    Column("last_reason", Text, nullable=False, server_default=""),
    UniqueConstraint("connection", "change", "number"),
    CheckConstraint("kind IN ('live', 'catch-up', 'async')", "kind"),
    CheckConstraint("category IN ('application', 'system', 'concurrency', 'conflict')", "category"),
    CheckConstraint("direction IN ('to Dataverse', 'to finance and operations')", "direction"),
    CheckConstraint("operation IN ('create', 'update', 'delete')", "operation"),
    CheckConstraint("state IN ('open', 'completed', 'stale', 'dismissed')", "state"),
    CheckConstraint("(state = 'open') = (settled_at IS NULL)", "settled"),
    CheckConstraint("(attempts > 0) = (last_attempt_at IS NOT NULL)", "attempts"),
    Index(None, "connection", "at", postgresql_include=["map", "category"]),
    Index(None, "connection", "map", "id"),
)
Index(
    "ix_sync_error_open",
    sync_error.c.connection,
    sync_error.c.id,
    postgresql_where=sync_error.c.state == "open",
)

alert_setting = Table(
    "alert_setting",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("categories", ARRAY(Text), nullable=False),
    Column("maps", ARRAY(Text)),
    Column("threshold", Integer, nullable=False),
    Column("window_number", Integer, nullable=False),
    Column("window_unit", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("recipients", ARRAY(Text), nullable=False),
    Column("webhooks", ARRAY(Text), nullable=False),
    Column("changed_by", Text, nullable=False),
    _now("changed_at"),
    UniqueConstraint("connection", "name"),
    CheckConstraint("cardinality(categories) > 0", "categories"),
    CheckConstraint("threshold > 0", "threshold"),
    CheckConstraint("window_number > 0", "window_number"),
    CheckConstraint("window_unit IN ('minutes', 'hours', 'days')", "window_unit"),
    CheckConstraint("action IN ('none', 'pause', 'stop')", "action"),
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), nullable=False),
    Column("setting", BigInteger, ForeignKey("alert_setting.id", ondelete="SET NULL")),
    Column("name", Text, nullable=False),
    Column("map", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("condition", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("cleared_at", DateTime(timezone=True)),
    Column("cleared_because", Text, nullable=False, server_default=""),
    Column("action", Text, nullable=False),
    Column("action_state", Text, nullable=False),
    Column("action_claimed_until", DateTime(timezone=True)),
    Column("action_result", Text, nullable=False, server_default=""),
    CheckConstraint("state IN ('open', 'cleared')", "state"),
    CheckConstraint("(state = 'cleared') = (cleared_at IS NOT NULL)", "cleared"),
    CheckConstraint("action IN ('none', 'pause', 'stop')", "action"),
    CheckConstraint("action_state IN ('none', 'pending', 'done', 'failed')", "action_state"),
    Index(None, "connection", "id"),
    Index(None, "setting", "map", "id"),
)
Index(
    "uq_alert_event_open",
    alert_event.c.setting,
    alert_event.c.map,
    unique=True,
    postgresql_where=alert_event.c.state == "open",
)
Index(
    "ix_alert_event_action_pending",
    alert_event.c.connection,
    alert_event.c.id,
    postgresql_where=alert_event.c.action_state == "pending",
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("event", BigInteger, ForeignKey("alert_event.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("claim", Uuid),
    Column("ended_at", DateTime(timezone=True)),
    Column("message", Text, nullable=False, server_default=""),
    CheckConstraint("channel IN ('e-mail', 'webhook')", "channel"),
    CheckConstraint("state IN ('pending', 'claimed', 'sending', 'sent', 'failed', 'in doubt')", "state"),
    CheckConstraint("(ended_at IS NOT NULL) = (state IN ('sent', 'failed', 'in doubt'))", "ended"),
)
Index(
    "ix_alert_delivery_due",
    alert_delivery.c.due_at,
    postgresql_where=alert_delivery.c.state.in_(["pending", "claimed", "sending"]),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("status", Integer),
    Column("headers", JSONB),
    Column("body", Text),
    Index(None, "taken_at"),
)

operation = Table(
    "operation",
    metadata,
    Column("operation", Uuid, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("alive_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("finished_at", DateTime(timezone=True)),
    Column("progress", JSONB, nullable=False),
    Column("problem", Text, nullable=False, server_default=""),
    Index(None, "connection", "kind", "started_at"),
)

pending_copy = Table(
    "pending_copy",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("map", Text, primary_key=True),
    Column("legal_entity", Text, primary_key=True),
    ForeignKeyConstraint(["connection", "map"], ["table_map.connection", "table_map.name"], ondelete="CASCADE"),
    ForeignKeyConstraint(
        ["connection", "legal_entity"],
        ["connection_company.connection", "connection_company.legal_entity"],
        ondelete="CASCADE",
    ),
    Index(None, "connection", "legal_entity"),
)

map_owning_team = Table(
    "map_owning_team",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("map", Text, primary_key=True),
    Column("team", Uuid, nullable=False),
    ForeignKeyConstraint(["connection", "map"], ["table_map.connection", "table_map.name"], ondelete="CASCADE"),
)

former_connection = Table(
    "former_connection",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("finops_environment", Text, nullable=False),
    Column("dataverse_environment", Text, nullable=False),
    Column("legal_entities", ARRAY(Text), nullable=False),
    Column("linked_at", DateTime(timezone=True), nullable=False),
    Column("unlinked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("unlinked_by", Text, nullable=False),
)

integration_job = Table(
    "integration_job",
    metadata,
    Column("connection", Text, ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("primary_side", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="stopped"),
    Column("message", Text, nullable=False, server_default=""),
    Column("changed_by", Text, nullable=False),
    _now("changed_at"),
    CheckConstraint("primary_side IN ('finops', 'dataverse')", "side"),
    CheckConstraint("state IN ('stopped', 'active')", "state"),
)

integration_job_map = Table(
    "integration_job_map",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("map", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("position", Integer, nullable=False),
    ForeignKeyConstraint(
        ["connection", "job"], ["integration_job.connection", "integration_job.name"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["connection", "map"], ["table_map.connection", "table_map.name"], ondelete="CASCADE"),
)

integration_job_request = Table(
    "integration_job_request",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("connection", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("errors", ARRAY(BigInteger), nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("result", Text, nullable=False, server_default=""),
    Column("asked_by", Text, nullable=False),
    _now("asked_at"),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('retry', 'dismiss')", "kind"),
    CheckConstraint("state IN ('queued', 'done', 'failed')", "state"),
    CheckConstraint("cardinality(errors) <= 10000", "errors"),
    ForeignKeyConstraint(
        ["connection", "job"], ["integration_job.connection", "integration_job.name"], ondelete="CASCADE"
    ),
)
