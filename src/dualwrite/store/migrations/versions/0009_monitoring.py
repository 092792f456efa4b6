"""Alert settings, what they have done, and a log of activities that is searched quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What an entry of the log can be found by: a term per fact, and the pieces of three characters of its result. Each
# begins with the number of the entry's block of 8192 entries, so that the log is searched block by block, the latest
# first, and no search looks at more of it than its page needs. Pieces at the end are shorter: what is looked for and
# shorter than three characters is the beginning of some piece.
_TERMS = """
CREATE FUNCTION activity_terms(
    id bigint, who text, what text, map text, severity text, legal_entity text, result text
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT array_to_tsvector(array_agg((id >> 13) || term))
    FROM (
        SELECT unnest(ARRAY[
            'w' || left(who, 200), 'a' || left(what, 200), 'm' || coalesce(left(map, 200), ''), 's' || severity,
            'e' || coalesce(left(legal_entity, 200), '')
        ]) AS term
        UNION ALL
        SELECT 'r' || substr(said, number, 3)
        FROM (SELECT lower(left(result, 2000)) AS said) AS results, generate_series(1, length(said)) AS number
    ) AS terms
$body$
"""
# The terms above that an entry of a block must have: these facts, and what its result is to contain.
_QUERY = """
CREATE FUNCTION activity_query(block bigint, facts text[], piece text)
RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT CAST(string_agg(
        $q$'$q$ || replace(replace(block || term, $q$\\$q$, $q$\\\\$q$), $q$'$q$, $q$''$q$) || $q$'$q$ || matching,
        ' & '
    ) AS tsquery)
    FROM (
        SELECT left(fact, 201) AS term, '' AS matching FROM unnest(facts) AS fact
        UNION
        SELECT 'r' || substr(said, number, 3), CASE WHEN length(said) < 3 THEN ':*' ELSE '' END
        FROM (SELECT lower(piece) AS said) AS pieces,
            generate_series(1, greatest(length(said) - 2, least(length(said), 1))) AS number
    ) AS terms
$body$
"""


def upgrade() -> None:
    _activities()
    _settings()
    _events()


def _activities() -> None:
    op.add_column("activity", sa.Column("severity", sa.Text(), server_default="info", nullable=False))
    op.add_column("activity", sa.Column("legal_entity", sa.Text()))
    op.create_check_constraint(op.f("ck_activity_severity"), "activity", "severity IN ('info', 'warning', 'error')")
    op.drop_index(op.f("ix_activity_map_at"), table_name="activity")
    connection = op.get_bind()
    for statement in (_TERMS, _QUERY):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        "CREATE INDEX ix_activity_terms ON activity USING gin "
        "(activity_terms(id, who, what, map, severity, legal_entity, result)) WITH (fastupdate = off)"
    )


def _settings() -> None:
    op.create_table(
        "alert_setting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("maps", sa.ARRAY(sa.Text())),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("window_number", sa.Integer(), nullable=False),
        sa.Column("window_unit", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("recipients", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("webhooks", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(categories) > 0", name=op.f("ck_alert_setting_categories")),
        sa.CheckConstraint("threshold > 0", name=op.f("ck_alert_setting_threshold")),
        sa.CheckConstraint("window_number > 0", name=op.f("ck_alert_setting_window_number")),
        sa.CheckConstraint("window_unit IN ('minutes', 'hours', 'days')", name=op.f("ck_alert_setting_window_unit")),
        sa.CheckConstraint("action IN ('none', 'pause', 'stop')", name=op.f("ck_alert_setting_action")),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_alert_setting_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_setting")),
        sa.UniqueConstraint("connection", "name", name=op.f("uq_alert_setting_connection_name")),
    )


def _events() -> None:
    op.create_table(
        "alert_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("setting", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("map", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
        sa.Column("cleared_because", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("action_state", sa.Text(), nullable=False),
        sa.Column("action_claimed_until", sa.DateTime(timezone=True)),
        sa.Column("action_result", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('open', 'cleared')", name=op.f("ck_alert_event_state")),
        sa.CheckConstraint("(state = 'cleared') = (cleared_at IS NOT NULL)", name=op.f("ck_alert_event_cleared")),
        sa.CheckConstraint("action IN ('none', 'pause', 'stop')", name=op.f("ck_alert_event_action")),
        sa.CheckConstraint(
            "action_state IN ('none', 'pending', 'done', 'failed')", name=op.f("ck_alert_event_action_state")
        ),
        sa.ForeignKeyConstraint(
            ["connection"], ["connection.name"], name=op.f("fk_alert_event_connection"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["setting"], ["alert_setting.id"], name=op.f("fk_alert_event_setting"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
    )
    op.create_index(op.f("ix_alert_event_connection_id"), "alert_event", ["connection", "id"])
    op.create_index(op.f("ix_alert_event_setting_map_id"), "alert_event", ["setting", "map", "id"])
    op.create_index(
        "uq_alert_event_open",
        "alert_event",
        ["setting", "map"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_alert_event_action_pending",
        "alert_event",
        ["connection", "id"],
        postgresql_where=sa.text("action_state = 'pending'"),
    )
    op.create_table(
        "alert_delivery",
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.Uuid()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("channel IN ('e-mail', 'webhook')", name=op.f("ck_alert_delivery_channel")),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'sending', 'sent', 'failed', 'in doubt')",
            name=op.f("ck_alert_delivery_state"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('sent', 'failed', 'in doubt'))", name=op.f("ck_alert_delivery_ended")
        ),
        sa.ForeignKeyConstraint(
            ["event"], ["alert_event.id"], name=op.f("fk_alert_delivery_event"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event", "number", name=op.f("pk_alert_delivery")),
    )
    op.create_index(
        "ix_alert_delivery_due",
        "alert_delivery",
        ["due_at"],
        postgresql_where=sa.text("state IN ('pending', 'claimed', 'sending')"),
    )
