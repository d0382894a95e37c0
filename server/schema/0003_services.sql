-- What the operator has said of an account: JSON of `Marks`.
ALTER TABLE accounts ADD COLUMN marks TEXT NOT NULL DEFAULT '{}';

CREATE TABLE service_tokens (
    name          TEXT PRIMARY KEY,
    secret_hash   TEXT NOT NULL,
    scopes        TEXT NOT NULL, -- separated by spaces
    account_id    TEXT NOT NULL, -- "": it speaks for nobody
    device_id     TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
