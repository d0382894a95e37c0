-- The account's picture: JSON of `Avatar`; "": none.
ALTER TABLE accounts ADD COLUMN avatar TEXT NOT NULL DEFAULT '';
