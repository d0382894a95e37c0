CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The head is never trimmed: it is what an append is conditional on (log-attacks A1).
CREATE TABLE heads (
    conversation_id TEXT PRIMARY KEY,
    number          INTEGER NOT NULL UNIQUE, -- short key of `entries`
    head            INTEGER NOT NULL,
    floor           INTEGER NOT NULL DEFAULT 0, -- entries up to here are gone
    trimmed         INTEGER NOT NULL DEFAULT 0, -- bodies up to here are gone
    changed_at_ms   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE entries (
    number        INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    envelope_id   TEXT NOT NULL,
    sender_id     TEXT NOT NULL,
    device_id     TEXT NOT NULL,
    kind          INTEGER NOT NULL,
    at_ms         INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    target_seq    INTEGER NOT NULL,
    visible_count INTEGER NOT NULL,
    sealed        INTEGER NOT NULL,
    withheld_from TEXT NOT NULL,
    change        TEXT,  -- JSON; of rule kinds only
    body          BLOB,  -- NULL: trimmed, expired or of a rule kind; empty: deleted for everyone
    PRIMARY KEY (number, seq)
) WITHOUT ROWID;

-- One cell per conversation, replaced only by a later one.
CREATE TABLE snapshots (
    conversation_id TEXT PRIMARY KEY,
    as_of_seq       INTEGER NOT NULL,
    fold            BLOB NOT NULL
) WITHOUT ROWID;

-- Hints: written before the entry that adds, marked after the one that removes; the fold decides.
CREATE TABLE memberships (
    account_id      TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    stamp           INTEGER NOT NULL,
    left_seq        INTEGER NOT NULL, -- 0: a member
    read_seq        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, conversation_id)
) WITHOUT ROWID;

-- Rows are never deleted while the device exists; every value only grows.
CREATE TABLE positions (
    conversation_id TEXT NOT NULL,
    account_id      TEXT NOT NULL,
    device_id       TEXT NOT NULL,
    acked           INTEGER NOT NULL,
    read            INTEGER NOT NULL,
    skipped         TEXT NOT NULL, -- ranges "a-b,c-d"
    PRIMARY KEY (conversation_id, device_id)
) WITHOUT ROWID;
CREATE INDEX positions_of_device ON positions (device_id);
