CREATE TABLE accounts (
    account_id     TEXT PRIMARY KEY,
    display_name   TEXT NOT NULL,
    bio            TEXT NOT NULL DEFAULT '',
    recovery_hash  TEXT NOT NULL,
    privacy        TEXT NOT NULL, -- JSON
    created_at_ms  INTEGER NOT NULL,
    last_seen_ms   INTEGER NOT NULL DEFAULT 0,
    deleted        INTEGER NOT NULL DEFAULT 0 -- the row stays: an account id is never used twice
) WITHOUT ROWID;

-- "username:alice", "phone:+358…", "email:a@b": at most one of each kind for an account.
CREATE TABLE handles (
    handle     TEXT PRIMARY KEY,
    account_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX handles_of_account ON handles (account_id);

CREATE TABLE devices (
    device_id     TEXT PRIMARY KEY,
    account_id    TEXT NOT NULL,
    name          TEXT NOT NULL,
    is_primary    INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    active_at_ms  INTEGER NOT NULL,
    access_hash   TEXT NOT NULL UNIQUE,
    access_until_ms  INTEGER NOT NULL,
    refresh_hash  TEXT NOT NULL,
    refresh_until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX devices_of_account ON devices (account_id);

-- Refresh tokens that were exchanged: using one again revokes the device's sign-in.
CREATE TABLE spent_tokens (
    refresh_hash TEXT PRIMARY KEY,
    device_id    TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE challenges (
    challenge_id  TEXT PRIMARY KEY,
    purpose       TEXT NOT NULL, -- register | login
    handle        TEXT NOT NULL,
    account_id    TEXT NOT NULL, -- "": none; the caller is not told
    code_hash     TEXT NOT NULL, -- "": no code was sent
    device_name   TEXT NOT NULL,
    tries         INTEGER NOT NULL,
    approval      TEXT NOT NULL, -- "" | approved | denied
    created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX challenges_of_account ON challenges (account_id);

CREATE TABLE contacts (
    account_id TEXT NOT NULL,
    other_id   TEXT NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (account_id, other_id)
) WITHOUT ROWID;

CREATE TABLE blocks (
    account_id TEXT NOT NULL,
    other_id   TEXT NOT NULL,
    PRIMARY KEY (account_id, other_id)
) WITHOUT ROWID;
