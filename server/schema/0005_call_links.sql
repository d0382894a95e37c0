CREATE TABLE call_links (
    link_id         TEXT NOT NULL,
    token_hash      TEXT NOT NULL UNIQUE,
    maker_id        TEXT NOT NULL,
    conversation_id TEXT NOT NULL, -- "": it has a room of its own
    approval        INTEGER NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    used_at_ms      INTEGER NOT NULL,
    PRIMARY KEY (maker_id, link_id)
) WITHOUT ROWID;
