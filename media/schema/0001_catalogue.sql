CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE uploads (
    upload_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, device_id TEXT NOT NULL, upload_key TEXT NOT NULL,
    wish TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, name TEXT NOT NULL,
    created_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL, stage TEXT NOT NULL, received_bytes INTEGER NOT NULL,
    rejection TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX upload_by_key ON uploads (account_id, upload_key);
CREATE INDEX upload_unfinished ON uploads (touched_ms) WHERE stage IN ('receiving', 'waiting');
CREATE INDEX upload_done ON uploads (touched_ms) WHERE stage NOT IN ('receiving', 'waiting');

CREATE TABLE blobs (
    blob_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, wish TEXT NOT NULL, source_sha256 BLOB NOT NULL, name TEXT NOT NULL,
    content_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    blurhash TEXT NOT NULL, waveform BLOB NOT NULL, created_ms INTEGER NOT NULL,
    unheld_ms INTEGER
    -- since when nobody holds it; NULL: somebody does
) WITHOUT ROWID;
CREATE INDEX blob_by_source ON blobs (account_id, source_sha256);
CREATE INDEX blob_unheld ON blobs (unheld_ms) WHERE unheld_ms IS NOT NULL;

CREATE TABLE objects (
    name TEXT PRIMARY KEY, blob_id TEXT REFERENCES blobs (blob_id), variant TEXT NOT NULL DEFAULT '', content_type TEXT NOT NULL DEFAULT '',
    size_bytes INTEGER NOT NULL DEFAULT 0, sha256 BLOB NOT NULL DEFAULT x'', width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0, wrapped_key BLOB NOT NULL DEFAULT x'', key_id TEXT NOT NULL DEFAULT '', since_ms INTEGER NOT NULL
    -- blob_id NULL: intended, or left over
) WITHOUT ROWID;
CREATE INDEX object_of_blob ON objects (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX object_orphan ON objects (since_ms) WHERE blob_id IS NULL;
CREATE INDEX object_by_key ON objects (key_id) WHERE blob_id IS NOT NULL;

CREATE TABLE claims (
    conversation_id TEXT NOT NULL, account_id TEXT NOT NULL, envelope_id TEXT NOT NULL, blob_id TEXT NOT NULL REFERENCES blobs (blob_id),
    until_ms INTEGER NOT NULL, view_once INTEGER NOT NULL, PRIMARY KEY (conversation_id, account_id, envelope_id, blob_id)
) WITHOUT ROWID;
CREATE INDEX claim_of_blob ON claims (blob_id);
CREATE INDEX claim_end ON claims (until_ms);

CREATE TABLE views (
    blob_id TEXT NOT NULL REFERENCES blobs (blob_id), account_id TEXT NOT NULL, device_id TEXT NOT NULL, token_hash TEXT NOT NULL,
    until_ms INTEGER NOT NULL, PRIMARY KEY (blob_id, account_id)
) WITHOUT ROWID;
