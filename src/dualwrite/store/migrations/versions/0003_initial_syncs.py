"""Runs of the initial sync have partitions and counts by legal entity; refused rows know where they come from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_runs()
    _create_maps()
    _create_partitions()
    _create_counts()
    _create_refused_rows()
    _take_over_history()
    for table in ("refused_record", "initial_copy_map", "initial_copy"):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "initial_sync_run",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("on_refusals", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("parent", sa.Uuid()),
        sa.Column("root", sa.Uuid(), nullable=False),
        sa.Column("rerun", sa.Text()),
        sa.Column("outcomes_kept", sa.Boolean(), server_default="true", nullable=False),
        sa.CheckConstraint(
            "state IN ('planned', 'running', 'pausing', 'paused', 'awaiting decision', 'completed', 'with refusals', "
            "'failed', 'cancelling', 'cancelled')",
            name=op.f("ck_initial_sync_run_state"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('completed', 'with refusals', 'cancelled'))",
            name=op.f("ck_initial_sync_run_finished"),
        ),
        sa.CheckConstraint("on_refusals IN ('go live', 'wait')", name=op.f("ck_initial_sync_run_on_refusals")),
        sa.CheckConstraint("rerun IN ('failed', 'all', 'without failed')", name=op.f("ck_initial_sync_run_rerun")),
        sa.CheckConstraint("(parent IS NULL) = (rerun IS NULL)", name=op.f("ck_initial_sync_run_parent")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_initial_sync_run_connection"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent"], ["initial_sync_run.run"], name=op.f("fk_initial_sync_run_parent"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_initial_sync_run")),
    )
    op.create_index(op.f("ix_initial_sync_run_connection_started_at"), "initial_sync_run", ["connection", "started_at"])
    op.create_index(op.f("ix_initial_sync_run_root"), "initial_sync_run", ["root"])


def _create_maps() -> None:
    op.create_table(
        "initial_sync_map",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("master", sa.Text(), nullable=False),
        sa.Column("legal_entities", sa.ARRAY(sa.Text())),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("was_running", sa.Boolean(), nullable=False),
        sa.CheckConstraint("master IN ('finops', 'dataverse')", name=op.f("ck_initial_sync_map_master")),
        sa.CheckConstraint("state IN ('copying', 'finished', 'cancelled')", name=op.f("ck_initial_sync_map_state")),
        sa.ForeignKeyConstraint(
            ["run"], ["initial_sync_run.run"], name=op.f("fk_initial_sync_map_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "map", name=op.f("pk_initial_sync_map")),
    )


def _create_partitions() -> None:
    op.create_table(
        "initial_sync_partition",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("companies", sa.ARRAY(sa.Text())),
        sa.Column("first_id", sa.Text()),
        sa.Column("last_id", sa.Text()),
        sa.Column("ids", sa.ARRAY(sa.Text())),
        sa.Column("by_ids", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("open_tables", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("second_pass_of", sa.Integer()),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("left_open", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "direction IN ('to Dataverse', 'to finance and operations')",
            name=op.f("ck_initial_sync_partition_direction"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'done', 'failed')", name=op.f("ck_initial_sync_partition_state")
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state = 'done')", name=op.f("ck_initial_sync_partition_finished")
        ),
        sa.CheckConstraint("(ids IS NOT NULL) = by_ids", name=op.f("ck_initial_sync_partition_ids")),
        sa.ForeignKeyConstraint(
            ["run", "map"],
            ["initial_sync_map.run", "initial_sync_map.map"],
            name=op.f("fk_initial_sync_partition_run_map"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_initial_sync_partition")),
        sa.UniqueConstraint("run", "second_pass_of", name=op.f("uq_initial_sync_partition_run_second_pass_of")),
    )
    op.create_index(
        "ix_initial_sync_partition_to_do",
        "initial_sync_partition",
        ["run", "wave"],
        postgresql_where=sa.text("state <> 'done'"),
    )


def _create_counts() -> None:
    counts = ("read", "inserted", "updated", "equal", "filtered", "refused", "conflicts")
    op.create_table(
        "initial_sync_count",
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in counts),
        sa.CheckConstraint(
            "read = inserted + updated + equal + filtered + refused", name=op.f("ck_initial_sync_count_sum")
        ),
        sa.ForeignKeyConstraint(
            ["run", "partition"],
            ["initial_sync_partition.run", "initial_sync_partition.number"],
            name=op.f("fk_initial_sync_count_run_partition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "partition", "legal_entity", name=op.f("pk_initial_sync_count")),
    )


def _create_refused_rows() -> None:
    op.create_table(
        "refused_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("legal_entity", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_by", sa.Uuid()),
        sa.ForeignKeyConstraint(
            ["run", "partition"],
            ["initial_sync_partition.run", "initial_sync_partition.number"],
            name=op.f("fk_refused_row_run_partition"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["settled_by"], ["initial_sync_run.run"], name=op.f("fk_refused_row_settled_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_row")),
    )
    op.create_index(op.f("ix_refused_row_run_partition"), "refused_row", ["run", "partition"])
    op.create_index(
        op.f("ix_refused_row_run_map_legal_entity_code"), "refused_row", ["run", "map", "legal_entity", "code"]
    )
    op.create_index(
        "ix_refused_row_open",
        "refused_row",
        ["map", "direction", "run"],
        postgresql_where=sa.text("settled_by IS NULL"),
    )


def _take_over_history() -> None:
    """Each earlier run has one partition for each map and direction. What had failed cannot be resumed."""
    op.execute(
        "INSERT INTO initial_sync_run "
        "(run, connection, state, on_refusals, started_by, started_at, created_before, finished_at, message, root, "
        "outcomes_kept) "
        "SELECT run, connection, CASE outcome WHEN 'completed' THEN outcome WHEN 'with refusals' THEN outcome "
        "ELSE 'cancelled' END, 'go live', started_by, started_at, started_at, coalesce(finished_at, now()), "
        "CASE outcome WHEN 'failed' THEN 'It failed: ' || message WHEN 'completed' THEN message "
        "WHEN 'with refusals' THEN message ELSE 'The program stopped before the run had ended.' END, run, false "
        "FROM initial_copy"
    )
    op.execute(
        "INSERT INTO initial_sync_map (run, map, position, master, enabled, state, was_running) "
        "SELECT m.run, m.map, (row_number() OVER (PARTITION BY m.run ORDER BY min(m.first), m.map)) - 1, c.master, "
        "true, CASE WHEN c.outcome IN ('completed', 'with refusals') THEN 'finished' ELSE 'cancelled' END, false "
        "FROM (SELECT run, map, min(finished_at) AS first FROM initial_copy_map GROUP BY run, map "
        "UNION ALL SELECT DISTINCT run, map, 'infinity'::timestamptz FROM refused_record) m "
        "JOIN initial_copy c ON c.run = m.run GROUP BY m.run, m.map, c.master, c.outcome"
    )
    op.execute(
        "INSERT INTO initial_sync_partition "
        "(run, number, wave, batch, map, direction, by_ids, rows, open_tables, state, attempts, started_at, "
        "finished_at) "
        "SELECT w.run, row_number() OVER again - 1, m.position, row_number() OVER again - 1, w.map, w.direction, "
        "false, w.rows, '{}', 'done', 1, c.started_at, coalesce(w.finished_at, c.finished_at, now()) "
        "FROM (SELECT run, map, direction, sum(rows) AS rows, max(finished_at) AS finished_at FROM ("
        "SELECT run, map, direction, read_rows AS rows, finished_at FROM initial_copy_map UNION ALL "
        "SELECT DISTINCT run, map, direction, 0, NULL::timestamptz FROM refused_record) each "
        "GROUP BY run, map, direction) w "
        "JOIN initial_sync_map m ON m.run = w.run AND m.map = w.map JOIN initial_copy c ON c.run = w.run "
        "WINDOW again AS (PARTITION BY w.run ORDER BY m.position, w.direction)"
    )
    op.execute(
        "INSERT INTO initial_sync_count "
        "(run, partition, legal_entity, read, inserted, updated, equal, filtered, refused, conflicts) "
        "SELECT o.run, p.number, o.legal_entity, o.created_rows + o.updated_rows + o.unchanged_rows + o.refused_rows, "
        "o.created_rows, o.updated_rows, o.unchanged_rows, 0, o.refused_rows, 0 FROM initial_copy_map o "
        "JOIN initial_sync_partition p ON p.run = o.run AND p.map = o.map AND p.direction = o.direction"
    )
    op.execute(
        "INSERT INTO refused_row "
        '(run, partition, map, direction, legal_entity, record_id, record, "column", code, reason, cause, row, at) '
        "SELECT o.run, p.number, o.map, o.direction, o.legal_entity, '', o.record_key, o.\"column\", o.code, o.reason, "
        "o.reason, o.row, o.at FROM refused_record o "
        "JOIN initial_sync_partition p ON p.run = o.run AND p.map = o.map AND p.direction = o.direction ORDER BY o.id"
    )
