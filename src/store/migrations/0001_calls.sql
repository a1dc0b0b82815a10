-- One row per queued call. Times are milliseconds; *_at_ms since 1970-01-01T00:00:00Z.
-- The call's identity is unsigned 64 bit and kept as text: SQLite's integers are signed.
CREATE TABLE calls (
    call_id               TEXT    NOT NULL PRIMARY KEY,
    sip_call_id           TEXT    NOT NULL,
    queue                 TEXT    NOT NULL,
    dialled               TEXT    NOT NULL,
    caller_number         TEXT    NOT NULL,
    caller_name           TEXT    NOT NULL,
    language              TEXT    NOT NULL,
    priority_ms           INTEGER NOT NULL,
    queued_at_ms          INTEGER NOT NULL,
    answered_at_ms        INTEGER,
    ended_at_ms           INTEGER NOT NULL,
    wait_ms               INTEGER NOT NULL,
    talk_ms               INTEGER NOT NULL,
    ring_ms               INTEGER NOT NULL,
    offers                INTEGER NOT NULL,
    outcome               TEXT    NOT NULL,
    answered_in_threshold INTEGER NOT NULL,
    agent                 TEXT,
    ended_by              TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_by_time ON calls (queued_at_ms);
CREATE INDEX calls_by_queue ON calls (queue, queued_at_ms);
