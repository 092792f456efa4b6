-- What the engine keeps in every environment's database. Runs at every start; changes nothing that is there.

CREATE SCHEMA IF NOT EXISTS data;
CREATE SCHEMA IF NOT EXISTS dualwrite;

CREATE SEQUENCE IF NOT EXISTS dualwrite.row_version START 1000000;

-- One row. Raised by whoever recovers and whenever maps or links change; see sync/recovery.py.
CREATE TABLE IF NOT EXISTS dualwrite.epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch bigint NOT NULL
);
INSERT INTO dualwrite.epoch (epoch) VALUES (1) ON CONFLICT DO NOTHING;

-- The environment's tables as documents (metadata/document.py). json, not jsonb: the order of columns and choices counts.
CREATE TABLE IF NOT EXISTS dualwrite.table_definition (
    name text PRIMARY KEY,
    document json NOT NULL,
    origin text NOT NULL CHECK (origin IN ('catalog', 'user')),
    user_columns text[] NOT NULL DEFAULT '{}'
);

-- What has been done to the tables. The highest number is the schema's generation: processes watch it.
CREATE TABLE IF NOT EXISTS dualwrite.schema_change (
    generation bigint PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    steps text[] NOT NULL,
    statements text[] NOT NULL
);

-- Written by a source in its own transaction: this change is to be committed in the target, too.
CREATE TABLE IF NOT EXISTS dualwrite.decision (
    change_id uuid PRIMARY KEY,
    prepared text NOT NULL,
    target text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now()
);

-- Written by the engine in the target's transaction: this change has been applied here. Unique, so never twice.
CREATE TABLE IF NOT EXISTS dualwrite.acceptance (
    change_id uuid PRIMARY KEY,
    source text NOT NULL,
    epoch bigint NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
);

-- Written by the initial sync in the transaction that writes the rows of a partition: what came of it. Unique, so never twice.
CREATE TABLE IF NOT EXISTS dualwrite.copied_partition (
    run uuid,
    partition int,
    outcome text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, partition)
);

-- Changes that wait for a paused map, written by the source in its own transaction. The position is drawn when all rows are
-- locked, so transactions that touch one another have their positions in the order in which they commit.
CREATE TABLE IF NOT EXISTS dualwrite.queued_transaction (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    change_id uuid NOT NULL,
    caller text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS dualwrite.queued_record (
    position bigint NOT NULL REFERENCES dualwrite.queued_transaction ON DELETE CASCADE,
    number int NOT NULL,
    map text NOT NULL,
    legal_entity text NOT NULL,
    operation text NOT NULL CHECK (operation IN ('create', 'update', 'delete')),
    record_id text NOT NULL,
    record text NOT NULL,
    mark text NOT NULL,
    changed text[],
    held jsonb NOT NULL,
    payload jsonb NOT NULL,
    size_bytes bigint NOT NULL,
    whole boolean NOT NULL DEFAULT false,
    lost boolean NOT NULL DEFAULT false,
    PRIMARY KEY (position, number)
);
-- CREATE INDEX IF NOT EXISTS locks the table before it looks: behind what a dead process left prepared that would never end,
-- and recovery comes after this.
DO $$
BEGIN
    IF to_regclass('dualwrite.queued_record_map') IS NULL THEN
        CREATE INDEX queued_record_map ON dualwrite.queued_record (map, position);
    END IF;
    IF to_regclass('dualwrite.queued_record_mark') IS NULL THEN
        CREATE INDEX queued_record_mark ON dualwrite.queued_record USING hash (mark);
    END IF;
END $$;

-- The last thing a served transaction does. Shared lock first, epoch second, in statements of their own: a recovery that holds
-- the exclusive lock has either not raised the epoch yet and waits for us, or has, and we see it.
CREATE OR REPLACE FUNCTION dualwrite.decide(p_epoch bigint, p_change uuid, p_prepared text, p_target text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7236871);
    IF (SELECT e.epoch FROM dualwrite.epoch e) <> p_epoch THEN
        RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'DW001';
    END IF;
    IF p_change IS NOT NULL THEN
        INSERT INTO dualwrite.decision (change_id, prepared, target) VALUES (p_change, p_prepared, p_target);
    END IF;
END $$;

-- The first thing the engine does in a target. Lock first, epoch second: a recovery that has raised the epoch either finds the
-- lock, and waits until we are prepared or gone, or we see the new epoch.
CREATE OR REPLACE FUNCTION dualwrite.accept(p_epoch bigint, p_change uuid, p_source text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE dualwrite.acceptance IN ROW EXCLUSIVE MODE;
    IF (SELECT e.epoch FROM dualwrite.epoch e) <> p_epoch THEN
        RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'DW001';
    END IF;
    INSERT INTO dualwrite.acceptance (change_id, source, epoch) VALUES (p_change, p_source, p_epoch);
END $$;

-- Waits for every decision under way, then makes all that were not taken impossible.
CREATE OR REPLACE FUNCTION dualwrite.raise_epoch(p_epoch bigint)
RETURNS bigint LANGUAGE plpgsql SET lock_timeout = 0 AS $$
DECLARE
    v_epoch bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7236871);
    UPDATE dualwrite.epoch SET epoch = greatest(epoch, p_epoch) RETURNING epoch INTO v_epoch;
    RETURN v_epoch;
END $$;
